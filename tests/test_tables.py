"""The real tables beside the repository, where they are there: each prepared, its baseline scored, searched."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import git, repository
from support import REPO, call, in_process, scorer_of

from autoresearch import data, drafts
from autoresearch.library import baseline
from autoresearch.study import Study
from autoresearch.trial import State
from autoresearch.workspace import open_workspace

TABLES = REPO.parent / "shared" / "data"
MANIFEST: list[dict[str, Any]] = (
    json.loads((TABLES / "datasets.json").read_text()) if (TABLES / "datasets.json").is_file() else []
)
pytestmark = pytest.mark.skipif(not MANIFEST, reason="the real tables are not beside the repository")
by_table = pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["name"])


def drafted(root: Path, entry: dict[str, Any], *more: str) -> Study:
    """Draft the study of a table, with nothing said but its target."""
    root.mkdir(parents=True, exist_ok=True)
    found = drafts.draft(root, [str(TABLES / entry["file"]), "--target", entry["target"], *more])
    (root / "study.toml").write_text(found.text)
    return found.study


@by_table
def test_task_is_inferred_and_the_table_prepared(tmp_path: Path, entry: dict[str, Any]):
    """The task is the one that the manifest says, and no row or column is lost."""
    study = drafted(tmp_path, entry)
    assert study.study.task == entry["task"]
    found = data.prepare(tmp_path, study)
    assert (found.rows + found.holdout_rows, found.columns) == (entry["rows"], entry["columns"])
    X = data.training(tmp_path, study, found).X
    texts = sum(str(dtype) == "str" for dtype in X.dtypes) + sum("datetime" in str(dtype) for dtype in X.dtypes)
    assert texts == entry["n_categorical"]


@pytest.mark.slow
@by_table
def test_baseline_scores_what_it_is_known_to(tmp_path: Path, entry: dict[str, Any]):
    """The library's baseline gets about the score that the manifest has for a linear model under the same metric."""
    study = drafted(tmp_path, entry, "--metric", entry["baseline"]["metric"])
    found = scorer_of(tmp_path, study).evaluate(baseline(study.study.task).source("baseline"), 1)
    assert found.state is State.COMPLETE, found.error
    assert np.mean(found.scores) == pytest.approx(entry["baseline"]["cv5_mean"], abs=0.06)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@by_table
def test_search_of_ten_trials(tmp_path: Path, entry: dict[str, Any]):
    """The search without an agent runs on every task, kind of column and gap; most of its trials have a score."""
    root = tmp_path / "study"
    study = drafted(root, entry)
    files = {name: (REPO / name).read_text() for name in ("prepare.py", "pyproject.toml", ".gitignore")}
    repository(root, files | {"train.py": baseline(study.study.task).source("baseline")})
    assert git(root, "status", "--porcelain") == ""
    assert call(root, "search", "--trials", "10", make=in_process).code == 0
    history = open_workspace(root).current()
    assert len(history.trials) == 11
    assert sum(trial.state is State.COMPLETE for trial in history.trials) >= 8, [
        trial.error for trial in history.trials
    ]
