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
from support import REPO

from autoresearch import library, sources
from autoresearch.errors import AutoresearchError
from autoresearch.fold import FoldTask, answer
from autoresearch.library import SLOTS, Composition, Variant, baseline, compositions, variants
from autoresearch.metrics import Task
from autoresearch.source import fingerprints, hypothesis

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
FILES = [
    (slot, path.stem) for slot in SLOTS for path in sorted((REPO / "src/autoresearch/variants" / slot).glob("[!_]*.py"))
]


def find(slot: str, name: str, task: Task) -> Variant | None:
    """The variant of a file, where it is meant for `task`."""
    return next((variant for variant in variants(task)[slot] if variant.name == name), None)


def with_variant(variant: Variant, task: Task) -> Composition:
    """The baseline with this one variant in its slot."""
    return Composition(tuple(variant if v.slot == variant.slot else v for v in baseline(task).choice))


def heart() -> tuple[pd.DataFrame, np.ndarray]:
    """The bundled table: numbers and one column of text."""
    table = sources.BUNDLED["heart"]()
    return table.drop(columns="target"), table["target"].to_numpy()


def numbers() -> tuple[pd.DataFrame, np.ndarray]:
    """A regression over numbers alone, one column of them constant."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(150, 4)), columns=[*"abcd"]).assign(e=rng.integers(5, size=150), f=1.0)
    return X, (X["a"] + X["b"] * X["e"] + 0.1 * rng.normal(size=150)).to_numpy()


def gaps() -> tuple[pd.DataFrame, np.ndarray]:
    """Three classes over categories, numbers and flags, with gaps everywhere and one column of nothing else."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(
        {
            "kind": rng.choice(["red", "green", "blue"], size=180),
            "size": rng.normal(size=180),
            "code": rng.choice(["x1", "x2"], size=180),
            "count": rng.integers(9, size=180).astype(float),
            "flag": rng.random(180) < 0.5,
            "void": np.nan,
        }
    )
    y = (X["size"] > 0).astype(int) + (X["kind"] == "red")
    for column in ("kind", "size", "code", "count"):
        X.loc[rng.random(180) < 0.15, column] = None
    X.loc[179, "kind"] = "never seen"
    return X, y.to_numpy()


TABLES = {"binary": heart, "multiclass": gaps, "regression": numbers}


def predictions(source: str, task: Task) -> tuple[np.ndarray, int]:
    """What a source answers for the last fifth of the task's table, and how many rows that are."""
    X, y = TABLES[task]()
    cut = len(X) * 4 // 5
    response = "value" if task == "regression" else "probability"
    classes = 0 if task == "regression" else len(np.unique(y))
    fold = FoldTask((0, 0), source, np.arange(cut), y[:cut], np.arange(cut, len(X)), response, classes)
    return answer(fold, X), len(X) - cut


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
    def test_fits_and_predicts(self, slot: str, name: str, task: Task):
        """With the other slots as in the baseline, it answers for every row of a small table of each of its tasks."""
        variant = find(slot, name, task)
        if variant is None:
            return
        found, rows = predictions(with_variant(variant, task).source("try it"), task)
        assert found.shape == ((rows,) if task == "regression" else (rows, 2 if task == "binary" else 3))
        assert np.isfinite(found).all()
        if task != "regression":
            assert found.sum(axis=1) == pytest.approx(np.ones(rows), abs=1e-6)

    def test_is_seeded(self, slot: str, name: str):
        """Whatever draws at random in it has its seed written down, so that a trial repeats exactly."""
        task = next(task for task in TASKS if find(slot, name, task))
        variant = find(slot, name, task)
        assert variant
        space: dict[str, Any] = {}
        exec(with_variant(variant, task).source("seeded"), space)
        loose = {
            k: v for k, v in space["build_pipeline"]().get_params().items() if k.endswith("random_state") and v is None
        }
        quiet = ("LogisticRegression", "Ridge")  # their solvers draw nothing unless told to
        steps = space["build_pipeline"]().steps
        assert all(type(dict(steps)[key.split("__")[0]]).__name__ in quiet for key in loose)


@pytest.mark.parametrize("slot", ["features", "preprocessing"])
def test_tables_without_a_number_pass(slot: str):
    """A table of nothing but text goes through every feature and preprocessing variant."""
    X, y = gaps()
    text = X[["kind", "code"]]
    for variant in variants("multiclass")[slot]:
        source = with_variant(variant, "multiclass").source("text")
        fold = FoldTask((0, 0), source, np.arange(150), y[:150], np.arange(150, 180), "probability", 3)
        assert answer(fold, text).shape == (30, 3)


class TestCompositions:
    @pytest.mark.parametrize("task", TASKS)
    def test_all_are_clean_by_the_settings_of_the_repository(self, task: Task, tmp_path: Path):
        """Every composition passes ruff's check and format as a train.py of this repository."""
        shutil.copy(REPO / "pyproject.toml", tmp_path)
        for number, found in enumerate(compositions(task)):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "train.py").write_text(found.source(found.hypothesis()))
        for verb in (["check"], ["format", "--check"]):
            command = [sys.executable, "-m", "ruff", *verb, "--no-cache", "."]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    def test_ten_and_more_for_a_binary_task(self):
        """A search over a binary study has at least ten models and a hundred compositions to draw from."""
        assert len(variants("binary")["model"]) >= 10
        assert len(compositions("binary")) >= 100

    @pytest.mark.parametrize("task", TASKS)
    def test_are_all_different_code(self, task: Task):
        """No two compositions are the same code, which a run would answer as a duplicate."""
        found = compositions(task)
        assert len({fingerprints(composition.source("")).code for composition in found}) == len(found)

    def test_root_train_py_is_the_baseline(self):
        """The train.py of a fresh clone is the composition that the library calls baseline."""
        text = (REPO / "train.py").read_text(encoding="utf-8")
        assert baseline("binary").source(hypothesis(text)) == text

    @pytest.mark.parametrize("task", TASKS)
    def test_baseline_is_plain(self, task: Task):
        """Each task has a baseline: columns as they are, and a linear model."""
        names = [variant.name for variant in baseline(task).choice]
        assert names[:2] == ["as_is", "scale_and_encode"]
        assert baseline(task).choice[2].family == "linear"

    @pytest.mark.parametrize("text", ['a "quoted" word', "Δ and —", "back\\slash", "one\nline"])
    def test_hypothesis_survives_as_written(self, text: str):
        """Any text can be a hypothesis, and the composition stays a program."""
        assert hypothesis(baseline("binary").source(text)) == " ".join(text.split())

    def test_distance_counts_slots(self):
        """Two compositions are as far apart as they have different slots."""
        start = baseline("binary")
        assert start.distance(start) == 0
        assert {start.distance(other) for other in compositions("binary")} == {0, 1, 2, 3}


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
        monkeypatch.setattr(library, "variants", variants.__wrapped__)
        return package / "variants"

    def test_adding_a_file_adds_a_variant(self, folder: Path):
        """A new file in a slot's folder is all that a new variant takes."""
        before = len(library.compositions("regression"))
        text = (folder / "model" / "ridge.py").read_text()
        (folder / "model" / "ridge_twice.py").write_text(text.replace("Ridge()", "Ridge(alpha=2.0)"))
        assert len(library.compositions("regression")) == before + before // len(variants("regression")["model"])
        added = next(v for v in library.variants("regression")["model"] if v.name == "ridge_twice")
        assert "alpha=2.0" in with_variant(added, "regression").source("twice")

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

    def test_other_files_are_no_variants(self, folder: Path):
        """What is no Python file, or the package's own, is passed over."""
        (folder / "model" / "notes.md").write_text("not a variant")
        names = [variant.name for variant in library.variants("binary")["model"]]
        assert names == [variant.name for variant in variants("binary")["model"]]


def test_source_is_self_contained():
    """A composition imports nothing of this package but the harness's evaluate, so that an agent can go on from it."""
    for found in compositions("binary"):
        text = found.source("try it")
        assert "autoresearch" not in text
        assert text.count("from prepare import evaluate") == 1
        assert json.dumps("try it") in text
