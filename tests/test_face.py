"""The baseline that fits a study goes into train.py, and nobody's work is lost by it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fakes import git
from support import LOGISTIC, face, loop_over, table

from autoresearch import data
from autoresearch.face import baseline_source, write_baseline
from autoresearch.library import baseline, recognised
from autoresearch.source import hypothesis
from autoresearch.variety import is_messy
from autoresearch.workspace import Workspace, open_workspace

REGRESSION = {"study": {"target": "dose", "task": "regression", "positive": None}, "evaluation": {"metric": "rmse"}}
PLAIN = baseline("binary").source("mine")


def rows() -> pd.DataFrame:
    """The small table without gaps in what is predicted."""
    found = table()
    return found.assign(dose=found["dose"].fillna(0.5))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A regression study whose train.py, committed, is the baseline for binary tasks."""
    found = open_workspace(face(tmp_path / "study", rows(), train=PLAIN, **REGRESSION))
    yield found
    found.ledger.close()


def write(workspace: Workspace, *, messy: bool = False) -> str:
    """Prepare the study and write its baseline; what was said."""
    study = workspace.study()
    return write_baseline(workspace, study, replace(data.prepare(workspace.root, study), messy=messy))


def test_replaces_the_baseline_of_another_task(workspace: Workspace) -> None:
    """What the library composed gives way to what fits the task, and the way back is said."""
    said = write(workspace)
    text = workspace.train.read_text()
    assert recognised(text) == baseline("regression")
    assert hypothesis(text) == "baseline: scaled ridge regression"
    assert said == "train.py: now the baseline for a regression task; the version before: git restore train.py"
    assert write(workspace) == "train.py: the baseline for a regression task already"


def test_a_messy_table_gets_a_baseline_that_recognises_columns(workspace: Workspace) -> None:
    """Dates, text and many categories have a baseline of their own."""
    assert "with dates, text or many categories" in write(workspace, messy=True)
    assert "TableVectorizer" in workspace.train.read_text()


def test_an_edit_that_git_does_not_have_is_left(workspace: Workspace) -> None:
    """A person's edit stays to the byte, and what to do is said."""
    workspace.train.write_text(LOGISTIC)
    assert "left as it is, it holds an edit that git does not have; commit it" in write(workspace)
    assert workspace.train.read_text() == LOGISTIC
    workspace.train.write_bytes(b"\xff\xfe")
    assert "no UTF-8" in write(workspace)
    assert workspace.train.read_bytes() == b"\xff\xfe"


def test_a_committed_version_is_replaced_and_comes_back(workspace: Workspace) -> None:
    """What git has is not lost: the command that is said brings it back."""
    workspace.train.write_text(LOGISTIC)
    git(workspace.root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "mine")
    said = write(workspace)
    assert recognised(workspace.train.read_text()) == baseline("regression")
    git(workspace.root, *said.split("before: git ")[1].split())
    assert workspace.train.read_text() == LOGISTIC


def test_an_uncommitted_composition_is_replaced(workspace: Workspace) -> None:
    """A composition can be composed again, so it need not be committed; a missing file is written."""
    workspace.train.write_text(baseline("multiclass").source("another hypothesis"))
    assert write(workspace) == "train.py: now the baseline for a regression task"
    workspace.train.unlink()
    assert write(workspace) == "train.py: now the baseline for a regression task"
    assert recognised(workspace.train.read_text()) == baseline("regression")


def test_a_live_runs_train_py_is_left(tmp_path: Path) -> None:
    """While a run is live, train.py is the run's."""
    with loop_over(face(tmp_path / "study", rows(), train=baseline("regression").source("b"), **REGRESSION)) as loop:
        loop.start("t")
        before = loop.workspace.train.read_text()
        assert write(loop.workspace, messy=True) == "train.py: left as it is, run 't' is live"
        assert loop.workspace.train.read_text() == before


def test_the_root_train_py_is_what_is_written_for_the_bundled_study(heart_root: Path) -> None:
    """Preparing the bundled study changes nothing in a fresh clone."""
    workspace = open_workspace(heart_root)
    study = workspace.study()
    assert baseline_source(study, data.prepare(heart_root, study)) == (heart_root / "train.py").read_text()
    workspace.ledger.close()


@pytest.mark.parametrize(
    ("column", "messy"),
    [
        (["red", "blue"] * 60, False),
        (list(range(120)), False),
        ([True, False] * 60, False),
        ([None] * 120, False),
        ([f"word {number}" for number in range(120)], True),
        (["2020-01-31", "2021-02-28 10:00"] * 60, True),
        (["1/31/2020", "12/1/2021"] * 60, True),
        (pd.date_range("2020-01-01", periods=120), True),
        (pd.Categorical(["a", "b"] * 60), False),
    ],
    ids=["categories", "numbers", "flags", "void", "text", "iso", "us", "dates", "categorical"],
)
def test_messy_are_tables_with_dates_text_or_many_categories(column: object, messy: bool) -> None:
    """One column decides, whatever the others are."""
    assert is_messy(pd.DataFrame({"a": column, "b": 1.0})) is messy
