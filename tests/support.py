"""What the tests of studies, commands and searches share: tables, studies, repositories, sources, scorers.

Nothing here knows how folds get their processes: commands run in this process with the `InProcess`
executor or with scores from a script, and a few of them for real, as a person would run them.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fakes import FakeScorer, repository
from threadpoolctl import threadpool_limits

from autoresearch import cli, data, session
from autoresearch.choosing import Chosen
from autoresearch.executors import InProcess
from autoresearch.library import Composition
from autoresearch.loop import Loop
from autoresearch.prepared import read
from autoresearch.scorer import Scorer
from autoresearch.study import Study, load
from autoresearch.trial import Evaluation, GoOn, ScorerLike
from autoresearch.tried import Tried
from autoresearch.workspace import open_workspace

# Threads of two test runs on one machine slow each other more than tenfold: one for what is loaded, and what will be.
threadpool_limits(1)
os.environ["OMP_NUM_THREADS"] = "1"

REPO = Path(__file__).resolve().parents[1]
Settings = dict[str, dict[str, Any]]

MAIN_GUARD = '\n\nif __name__ == "__main__":\n    from prepare import evaluate\n\n    evaluate(__file__)\n'
LOGISTIC = f'''"""A small model over the numeric columns."""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

HYPOTHESIS = "baseline"


def feature_fn(X):
    return X.select_dtypes("number")


def build_pipeline():
    return make_pipeline(SimpleImputer(), LogisticRegression(C=1.0)){MAIN_GUARD}'''


# Tables and studies


def table(rows: int = 100, seed: int = 0, *, noise: float = 1.0) -> pd.DataFrame:
    """Numbers, text and missing values, with a label of which `size` knows something."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=rows)
    order = np.argsort(np.argsort(size + noise * rng.normal(size=rows)))
    return pd.DataFrame(
        {
            "size": size,
            "age": rng.integers(20, 80, size=rows),
            "kind": np.where(rng.random(rows) < 0.1, None, rng.choice(["a", "b", "c"], size=rows)),
            "dose": np.where(rng.random(rows) < 0.2, np.nan, rng.gamma(2.0, size=rows)),
            "label": (order >= rows * 0.6).astype(int),
        }
    )


def noisy(labels: pd.Series, task: str, rng: np.random.Generator, wrong: float = 0.05) -> np.ndarray:
    """A copy of the target: a tenth of its deviation as noise, or a share of wrong classes."""
    if task == "regression":
        return labels.to_numpy() + rng.normal(0, 0.1 * labels.std(), len(labels))
    codes, classes = pd.factorize(labels)
    shift = np.where(rng.random(len(codes)) < wrong, rng.integers(1, len(classes), len(codes)), 0)
    return (codes + shift) % len(classes)


def settings(**changes: dict[str, Any]) -> Settings:
    """study.toml of a small binary study over small.csv, with `changes` by section; None drops a key."""
    found: Settings = {
        "study": {"name": "small", "data": "small.csv", "target": "label", "task": "binary", "positive": 1},
        "evaluation": {"metric": "roc_auc"},
    }
    for section, keys in changes.items():
        merged = found.get(section, {}) | keys
        found[section] = {key: value for key, value in merged.items() if value is not None}
    return found


def toml(sections: Settings) -> str:
    """Write settings as TOML; JSON's strings, numbers and booleans are TOML's."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_toml_value(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {json.dumps(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def lay(root: Path, rows: pd.DataFrame | None = None, **changes: dict[str, Any]) -> Study:
    """Lay study.toml and small.csv into `root`, and read the study."""
    root.mkdir(parents=True, exist_ok=True)
    (table() if rows is None else rows).to_csv(root / "small.csv", index=False)
    (root / "study.toml").write_text(toml(settings(**changes)))
    return load(root / "study.toml")


# Repositories and real commands


def face(root: Path, rows: pd.DataFrame | None = None, train: str = LOGISTIC, **changes: dict[str, Any]) -> Path:
    """A clone's face over a small study, committed: the root's prepare.py, and `train` as train.py."""
    lay(root, rows, **changes)
    files = {name: (REPO / name).read_text() for name in ("prepare.py", "pyproject.toml", ".gitignore")}
    return repository(root, files | {"train.py": train})


def fresh_clone(root: Path) -> Path:
    """The product's own face, as whoever clones it finds it: the bundled study and the root's train.py."""
    names = ("program.md", "prepare.py", "train.py", "study.toml", "pyproject.toml", ".gitignore")
    return repository(root, {name: (REPO / name).read_text() for name in names})


def run_real(root: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a real command in `root`, without a terminal."""
    return subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "XDG_DATA_HOME": user_data(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def user_data(root: Path) -> str:
    """The user's data folder that goes with a study: beside it, where a test's vault is."""
    return str(root.parent / "user-data")


# Sources


def edited(old: str, new: str, hypothesis: str, source: str = LOGISTIC) -> str:
    """`source` with one change and its hypothesis."""
    assert old in source
    return source.replace(old, new).replace('HYPOTHESIS = "baseline"', f"HYPOTHESIS = {json.dumps(hypothesis)}")


def stub(answer: str, *, features: str = "X", fit: str = "pass", head: str = "") -> str:
    """A train.py that answers `answer`, an expression over X, to predict and predict_proba alike."""
    return f"""import numpy as np
{head}
HYPOTHESIS = "stub"


def feature_fn(X):
    return {features}


class Model:
    def fit(self, X, y):
        {fit}
        return self

    def predict(self, X):
        return {answer}

    predict_proba = predict


def build_pipeline():
    return Model()
"""


def ranking(score: str) -> str:
    """Two columns for `stub`, as predict_proba has them, that rank rows by `score`."""
    return f"np.column_stack([1 - {score}, {score}])"


# Scorers


@dataclass
class ScriptedScorer(FakeScorer):
    """Scores a source by a function of its text; None is a crash."""

    score: Callable[[str], float | None] = lambda _: 0.8

    def evaluate(self, source: str, repeats: int, width: int | None = None, go_on: GoOn | None = None) -> Evaluation:
        """Answer as a source with the marks of `FakeScorer` would be answered."""
        found = self.score(source)
        mark = "crash: ValueError: scripted" if found is None else f"scores: {found}"
        return super().evaluate(f"{source}\n# {mark}", repeats, width, go_on)


@dataclass(frozen=True)
class Listed:
    """Chooses one composition after the other; the first of them is the baseline."""

    compositions: Sequence[Composition]

    def offers(self, tried: Sequence[Tried]) -> Iterator[Chosen]:
        """Those that have not had their turn."""
        for found in self.compositions[len(tried) :]:
            names = {variant.slot: variant.name for variant in found.choice}
            yield Chosen(found.source("the next on the list"), names, {}, "listed")


def apart(one: Composition, other: Composition) -> int:
    """In how many slots two compositions differ."""
    return sum(a != b for a, b in zip(one.choice, other.choice, strict=True))


MakeScorer = Callable[[Path, Study, Path], ScorerLike]
"""Makes the scorer of a study's folder, which keeps its predictions in the other one."""


def in_process(root: Path, study: Study, predictions: Path) -> Scorer:
    """Make the real scorer, with folds in this process."""
    return Scorer(root, study, read(root, study) or data.prepare(root, study), InProcess(), predictions)


def always(scorer: ScorerLike) -> MakeScorer:
    """Make no scorer but this one."""
    return lambda *_: scorer


def scorer_of(root: Path, study: Study) -> Scorer:
    """The real scorer of a study without a repository, folds in this process."""
    return in_process(root, study, root / "predictions")


@contextlib.contextmanager
def loop_over(root: Path, make: MakeScorer = in_process) -> Iterator[Loop]:
    """The loop over `root` with another scorer."""
    workspace = open_workspace(root)
    loop = Loop(
        workspace,
        lambda study, _: make(workspace.root, study, workspace.predictions),
        lambda study: data.prepare(workspace.root, study),
    )
    try:
        yield loop
    finally:
        loop.close()
        workspace.ledger.close()


# Commands in this process


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines on standard output."""
        return self.out.splitlines()


def call(root: Path, *arguments: str, make: MakeScorer = in_process) -> Said:
    """Run `autoresearch ARGUMENTS` in `root`, in this process: the command line's own main, another scorer."""
    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("XDG_DATA_HOME", user_data(root))
        patch.setattr(sys, "argv", ["autoresearch", *arguments])
        patch.setattr(session, "RemoteScorer", lambda where, _, kept, study: make(where, study, kept))
        patch.setattr(session, "local_scorer", lambda w, study, _: make(w.root, study, w.predictions))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as end:
                code = end.code or 0
    return Said(int(code), out.getvalue(), err.getvalue())
