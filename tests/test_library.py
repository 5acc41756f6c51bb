"""The library: every variant composes into a train.py that is clean, readable, and works on real tables."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import REPO, apart

from autoresearch import library
from autoresearch.errors import AutoresearchError
from autoresearch.fold import FoldTask, answer
from autoresearch.library import SLOTS, Composition, Variant, baseline, compositions, recognised, variants
from autoresearch.metrics import Task
from autoresearch.parameters import Choice
from autoresearch.source import fingerprints, hypothesis

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
QUIET = {"LogisticRegression", "Ridge", "PCA", "LinearSVC"}
"""Estimators that have a seed and, as they are used here, draw nothing."""
FILES = [
    (slot, path.stem) for slot in SLOTS for path in sorted((REPO / "src/autoresearch/variants" / slot).glob("[!_]*.py"))
]


def find(slot: str, name: str, task: Task) -> Variant | None:
    """The variant of a file, where it is meant for `task`."""
    both = (variants(task, messy=messy)[slot] for messy in (False, True))
    return next((variant for found in both for variant in found if variant.name == name), None)


def with_variant(variant: Variant, task: Task, *, messy: bool = False) -> Composition:
    """The baseline with this one variant in its slot."""
    return Composition(tuple(variant if v.slot == variant.slot else v for v in baseline(task, messy=messy).choice))


def mixed(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers, categories, flags and gaps everywhere, one column of nothing else, and a number that depends on them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "kind": rng.choice(["red", "green", "blue"], size=180),
            "size": rng.normal(size=180),
            "code": rng.choice(["x1", "x2"], size=180),
            "count": rng.integers(9, size=180).astype(float),
            "step": rng.integers(5, size=180),
            "flag": rng.random(180) < 0.5,
            "same": 1.0,
            "void": np.nan,
        }
    )
    value = X["size"] + (X["kind"] == "red") + 0.3 * X["step"] * X["flag"] + 0.1 * rng.normal(size=180)
    for column in ("kind", "size", "code", "count"):
        X.loc[rng.random(180) < 0.15, column] = None
    X.loc[179, "kind"] = "never seen"
    return X, value.to_numpy()


def messy_table() -> tuple[pd.DataFrame, np.ndarray]:
    """Beside all that: dates proper and as text, free text, numbers among words."""
    X, value = mixed(2)
    days = pd.date_range("2020-01-01", periods=180, freq="31h")
    X = X.assign(
        when=pd.Series(days).astype("datetime64[us]"),
        iso=pd.Series(days.strftime("%Y-%m-%d %H:%M")),
        other=pd.Series(days.strftime("%m/%d/%Y")),
        text=[f"the {kind} number {number}" for number, kind in enumerate(X["kind"])],
        amount=[str(number) if number % 7 else "unknown" for number in range(180)],
    )
    X.loc[::9, ["when", "iso", "text"]] = None
    return X, value


def numbers(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Nothing but numbers, no gap, few rows, large and small units, and a number that depends on them."""
    rng = np.random.default_rng(seed)
    units = np.array([1e-6, 1.0, 1e3, 1e7, 1.0])
    X = pd.DataFrame(rng.normal(size=(90, 5)) * units, columns=[f"x{i}" for i in range(5)])
    value = X["x0"] * 1e6 + X["x1"] * X["x4"] + 0.1 * rng.normal(size=90)
    return X, value.to_numpy()


def wide(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """As many columns as rows to learn from: many all but the same, some of categories, most rows with a gap."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=75)
    found = {f"x{i}": common + 0.01 * rng.normal(size=75) for i in range(60)}
    found |= {f"kind{i}": rng.choice(["a", "b", "c"], size=75) for i in range(8)}
    X = pd.DataFrame(found).mask(rng.random((75, 68)) < 0.05)
    return X, common + 0.5 * rng.normal(size=75)


FURTHER = {"numbers": numbers, "wide": wide}
"""Tables of other kinds than the mixed and the messy ones."""


def labels(value: np.ndarray, task: Task) -> np.ndarray:
    """What is to be predicted: the number itself, or which half or third of the rows it is in."""
    parts = {"binary": 2, "multiclass": 3, "regression": None}[task]
    return value if parts is None else pd.qcut(value, parts, labels=False)


def table(task: Task, *, messy: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of 180 rows for a task."""
    X, value = messy_table() if messy else mixed(TASKS.index(task))
    return X, labels(value, task)


def predictions(
    source: str, task: Task, *, messy: bool = False, rows: tuple[pd.DataFrame, np.ndarray] | None = None
) -> tuple[np.ndarray, int]:
    """What a source answers for the last fifth of the task's table, or of other rows, and how many rows that are."""
    X, y = table(task, messy=messy) if rows is None else rows
    cut = len(X) * 4 // 5
    response = "value" if task == "regression" else "probability"
    classes = 0 if task == "regression" else len(np.unique(y))
    fold = FoldTask((0, 0), source, np.arange(cut), y[:cut], np.arange(cut, len(X)), response, classes)
    return answer(fold, X), len(X) - cut


def check(found: np.ndarray, rows: int, task: Task) -> None:
    """Assert that an answer is one for every row: numbers, or probabilities that sum to one."""
    assert found.shape == ((rows,) if task == "regression" else (rows, 2 if task == "binary" else 3))
    assert np.isfinite(found).all()
    if task != "regression":
        assert found.sum(axis=1) == pytest.approx(np.ones(rows), abs=1e-6)


@pytest.mark.parametrize(("slot", "name"), FILES, ids=[f"{slot}/{name}" for slot, name in FILES])
class TestEveryVariant:
    def test_is_found_for_its_tasks(self, slot: str, name: str):
        """A variant's file is offered for the tasks that it names, and there are some."""
        offered = [task for task in TASKS if find(slot, name, task)]
        assert offered
        for task in offered:
            variant = find(slot, name, task)
            assert variant
            assert offered == [t for t in TASKS if t in variant.tasks]
            assert variant.title
            assert not variant.title.endswith(".")
            assert variant.family

    @pytest.mark.parametrize("task", TASKS)
    def test_fits_and_predicts_and_repeats(self, slot: str, name: str, task: Task):
        """With the baseline's other slots it answers for every row of a small table, and the same when asked again."""
        variant = find(slot, name, task)
        if variant is None:
            return
        messy = "plain" not in variant.tables
        source = with_variant(variant, task, messy=messy).source("try it")
        found, rows = predictions(source, task, messy=messy)
        check(found, rows, task)
        if variant.pace != "boxed":
            assert np.array_equal(predictions(source, task, messy=messy)[0], found)

    @pytest.mark.parametrize("kind", FURTHER)
    def test_serves_other_tables(self, slot: str, name: str, kind: str):
        """It answers for numbers of very different units alone, and for as many columns as rows."""
        task = next(task for task in TASKS if find(slot, name, task))
        variant = find(slot, name, task)
        assert variant
        X, value = FURTHER[kind](3)
        source = with_variant(variant, task, messy="plain" not in variant.tables).source("try it")
        check(*predictions(source, task, rows=(X, labels(value, task))), task)

    def test_copes_with_dates_and_text(self, slot: str, name: str):
        """It answers for a table with dates, free text and words among numbers, where it is meant for such tables."""
        task = next(task for task in TASKS if find(slot, name, task))
        variant = find(slot, name, task)
        assert variant
        if slot != "model" and "messy" in variant.tables:
            check(*predictions(with_variant(variant, task, messy=True).source("try it"), task, messy=True), task)

    def test_works_at_both_ends_of_its_ranges(self, slot: str, name: str):
        """All parameters at their lowest, or first, and all at their highest, or last, still give an answer."""
        task = next(task for task in TASKS if find(slot, name, task))
        variant = find(slot, name, task)
        assert variant
        assert variant.values.keys() == variant.parameters.keys()
        messy = "plain" not in variant.tables
        for end in (0, -1) if variant.parameters and variant.pace != "boxed" else ():
            values = {
                key: p.options[end] if isinstance(p, Choice) else (p.low, p.high)[end]
                for key, p in variant.parameters.items()
            }
            moved = variant.at(**values)
            assert moved.values == values
            assert moved != variant
            check(*predictions(with_variant(moved, task, messy=messy).source("moved"), task, messy=messy), task)

    def test_is_seeded_and_single_threaded(self, slot: str, name: str):
        """What draws at random in it has its seed written down, and it takes one core: folds run side by side."""
        task = next(task for task in TASKS if find(slot, name, task))
        variant = find(slot, name, task)
        assert variant
        messy = "plain" not in variant.tables
        space: dict[str, Any] = {}
        exec(with_variant(variant, task, messy=messy).source("seeded"), space)
        given = space["build_pipeline"]().get_params()
        owners = {key: given.get(key.rpartition("__")[0]) for key in given}
        loose = {key for key, value in given.items() if key.endswith("random_state") and value is None}
        assert {type(owners[key]).__name__ for key in loose} <= QUIET
        threads = {key: value for key, value in given.items() if key.endswith("n_jobs")}
        assert all(
            value == 1 or type(owners[key]).__module__.startswith(("sklearn", "skrub"))
            for key, value in threads.items()
        )
        assert set(threads.values()) <= {1, None}


@pytest.mark.parametrize("slot", ["features", "preprocessing"])
def test_tables_without_a_number_pass(slot: str):
    """A table of nothing but text goes through every feature and preprocessing variant."""
    X, y = table("multiclass", messy=False)
    text = X[["kind", "code"]]
    for variant in variants("multiclass", messy=True)[slot]:
        source = with_variant(variant, "multiclass", messy=True).source("text")
        fold = FoldTask((0, 0), source, np.arange(150), y[:150], np.arange(150, 180), "probability", 3)
        assert answer(fold, text).shape == (30, 3)


@pytest.mark.parametrize(
    ("slot", "name"),
    [(v.slot, v.name) for found in variants("binary", messy=True).values() for v in found if v.without],
)
def test_is_what_it_says_without_what_it_acts_on(slot: str, name: str):
    """On a table that lacks the thing, a variant answers as the one that it says it equals, whatever its parameters."""
    by_name = {variant.name: variant for variant in variants("binary", messy=True)[slot]}
    for thing, same in by_name[name].without.items():
        X, value = mixed(0) if thing == "numbers" else numbers(0)
        X, y = (X[["kind", "code"]] if thing == "numbers" else X), labels(value, "binary")
        answers = []
        for variant in (moved(by_name[name]), by_name[same]):
            source = with_variant(variant, "binary", messy=True).source("lacking")
            fold = FoldTask((0, 0), source, np.arange(60), y[:60], np.arange(60, 90), "score", 2)
            answers.append(answer(fold, X))
        assert answers[0] == pytest.approx(answers[1], abs=1e-4)  # a constant column more, and a solver ends elsewhere


def moved(variant: Variant) -> Variant:
    """The variant with all of its parameters at the middle of their ranges, or at the last choice."""
    values = {}
    for name, parameter in variant.parameters.items():
        if isinstance(parameter, Choice):
            values[name] = parameter.options[-1]
        else:
            middle = parameter.low + (parameter.high - parameter.low) / 3
            values[name] = round(middle) if parameter.whole else middle
    return variant.at(**values)


class TestCompositions:
    @pytest.mark.parametrize("messy", [False, True], ids=["plain", "messy"])
    @pytest.mark.parametrize("task", TASKS)
    def test_are_clean_by_the_settings_of_the_repository(self, task: Task, messy: bool, tmp_path: Path):
        """Every variant with the baseline, and many drawn compositions and values, pass ruff's check and format."""
        shutil.copy(REPO / "pyproject.toml", tmp_path)
        rng = np.random.default_rng(0)
        slots = variants(task, messy=messy)
        alone = [with_variant(variant, task, messy=messy) for found in slots.values() for variant in found]
        drawn = [Composition(tuple(found[rng.integers(len(found))] for found in slots.values())) for _ in range(200)]
        for number, found in enumerate([*alone, *drawn, *(Composition(tuple(map(moved, c.choice))) for c in drawn)]):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "train.py").write_text(found.source(found.hypothesis()))
        for verb in (["check"], ["format", "--check"]):
            command = [sys.executable, "-m", "ruff", *verb, "--no-cache", "."]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    def test_there_is_a_choice_for_every_task(self):
        """Each task has models of many families, five views of the features and ten preprocessings to draw from."""
        for task in TASKS:
            found = variants(task)
            assert len({variant.family for variant in found["model"]}) >= 8
            assert len(found["model"]) >= 20
            assert len(found["features"]) >= 5
            assert len(found["preprocessing"]) >= 10

    @pytest.mark.parametrize("task", TASKS)
    def test_are_all_different_code(self, task: Task):
        """No two neighbours of the baseline are the same code, which a run would answer as a duplicate."""
        for messy in (False, True):
            start = baseline(task, messy=messy)
            found = [c for c in compositions(task, messy=messy) if apart(c, start) <= 1]
            assert len({fingerprints(composition.source("")).code for composition in found}) == len(found)

    @pytest.mark.parametrize("task", TASKS)
    def test_are_recognised(self, task: Task):
        """A source is known again as the composition it is, whatever its hypothesis; with a value changed it is not."""
        start = baseline(task)
        for found in (c for c in compositions(task) if apart(c, start) <= 1):
            assert recognised(found.source("whatever")) == found
            assert recognised(found.source("").replace('strategy="median"', 'strategy="mean"')) != found
        assert recognised("def feature_fn(X:") is None

    def test_root_train_py_is_the_baseline(self):
        """The train.py of a fresh clone is the composition that the library calls baseline."""
        text = (REPO / "train.py").read_text(encoding="utf-8")
        assert baseline("binary").source(hypothesis(text)) == text

    @pytest.mark.parametrize("task", TASKS)
    def test_baseline_is_plain(self, task: Task):
        """Each task has a baseline: columns as they are, and a linear model."""
        for messy, preprocessing in ((False, "scale_and_encode"), (True, "recognise_and_scale")):
            found = baseline(task, messy=messy)
            assert [variant.name for variant in found.choice[:2]] == ["as_is", preprocessing]
            assert found.choice[2].family == "linear"

    @pytest.mark.parametrize("text", ['a "quoted" word', "Δ and —", "back\\slash", "one\nline"])
    def test_hypothesis_survives_as_written(self, text: str):
        """Any text can be a hypothesis, and the composition stays a program."""
        assert hypothesis(baseline("binary").source(text)) == " ".join(text.split())


class TestHypothesis:
    def test_names_what_changed(self):
        """The text of a trial names the slots in which it differs from the incumbent, and no other."""
        start = baseline("binary")
        for other in compositions("binary"):
            text = other.hypothesis(start)
            for before, after in zip(start.choice, other.choice, strict=True):
                assert (after.title.lower() in text.lower()) == (before.name != after.name), text

    def test_names_everything_without_an_incumbent(self):
        """Where the incumbent is no composition, all slots are named."""
        found = baseline("binary")
        assert all(variant.title.lower() in found.hypothesis().lower() for variant in found.choice)

    @pytest.mark.parametrize("before", [None, baseline("binary")], ids=["unknown", "baseline"])
    def test_is_one_line_however_long(self, before: Composition | None):
        """A hypothesis has no line break, and its source gives it back whole even where it takes several lines."""
        longest = max((found.hypothesis(before) for found in compositions("binary")), key=len)
        assert "\n" not in longest
        source = baseline("binary").source(longest)
        assert hypothesis(source) == longest
        assert all(len(line) <= 120 for line in source.splitlines())


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A copy of the library, read in place of the package's."""
        package = tmp_path / "autoresearch"
        shutil.copytree(REPO / "src/autoresearch/variants", package / "variants")
        shutil.copy(REPO / "src/autoresearch" / library.TEMPLATE, package)
        monkeypatch.setattr(library.resources, "files", lambda _: package)
        monkeypatch.setattr(library, "_all", library._all.__wrapped__)
        return package / "variants"

    def test_adding_a_file_adds_a_variant(self, folder: Path):
        """A new file in a slot's folder is all that a new variant takes."""
        before = len(library.compositions("regression"))
        text = (folder / "model" / "ridge.py").read_text()
        models = len(library.variants("regression")["model"])
        text = text.replace("Ridge()", "Ridge(alpha=2.0)").replace(
            "RANGES = {}", 'RANGES = {"alpha": (1.0, 9.0, "log")}'
        )
        (folder / "model" / "ridge_twice.py").write_text(text)
        assert len(library.compositions("regression")) == before + before // models
        added = next(v for v in library.variants("regression")["model"] if v.name == "ridge_twice")
        assert "alpha=2.0" in with_variant(added, "regression").source("twice")
        moved = with_variant(added.at(alpha=3.0), "regression")
        found, rows = predictions(moved.source("three times"), "regression")
        assert "alpha=3.0" in moved.source("")
        check(found, rows, "regression")

    @pytest.mark.parametrize(
        ("old", "new"),
        [('FAMILY = "linear"', ""), ("TASKS", "TASK"), ('"""Ridge regression."""', ""), ("build_model", "build")],
    )
    def test_incomplete_file_is_refused(self, folder: Path, old: str, new: str):
        """A file that lacks a part of a variant is refused by its name, with all that it takes."""
        path = folder / "model" / "ridge.py"
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(AutoresearchError) as caught:
            library.variants("regression")
        assert str(caught.value) == (
            "variants/model/ridge.py: a variant has a docstring, FAMILY, TASKS and a function build_model"
        )

    @pytest.mark.parametrize(
        ("ranges", "said"),
        [
            ('{"alpha": (0.1, 9.0, "log")}', "RANGES['alpha']: the function has 0 keyword arguments of that name"),
            ('{"alpha": (9, 1, "int")}', "RANGES['alpha']: (9, 1, 'int') is no range"),
        ],
    )
    def test_ranges_of_nothing_are_refused(self, folder: Path, ranges: str, said: str):
        """A declared parameter that the function lacks, or that is no range, is refused by its file's name."""
        path = folder / "model" / "ridge.py"
        path.write_text(path.read_text().replace("RANGES = {}", f"RANGES = {ranges}"))
        with pytest.raises(AutoresearchError) as caught:
            library.variants("regression")
        assert str(caught.value).startswith(f"variants/model/ridge.py: {said}")

    def test_other_files_are_no_variants(self, folder: Path):
        """What is no Python file, or the package's own, is passed over."""
        (folder / "model" / "notes.md").write_text("not a variant")
        names = [variant.name for variant in library.variants("binary")["model"]]
        assert names == [variant.name for variant in variants("binary")["model"]]


def test_source_is_self_contained():
    """A composition imports nothing of this package but the harness's evaluate, so that an agent can go on from it."""
    start = baseline("binary")
    for found in (c for c in compositions("binary") if apart(c, start) <= 1):
        text = found.source("try it")
        assert "autoresearch" not in text
        assert text.count("from prepare import evaluate") == 1
        assert json.dumps("try it") in text
