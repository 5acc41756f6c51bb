"""The real tables beside the repository, where they are there: each prepared, its baseline scored, searched."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fakes import git
from support import REPO, fresh_clone, noisy, run_real, scorer_of

from autoresearch import data, drafts
from autoresearch.findings import LEAKAGE
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
@pytest.mark.timeout(3600)
@by_table
def test_from_a_file_to_a_search(tmp_path: Path, entry: dict[str, Any]):
    """By the commands of a person: a planted leak is found and dropped, honest columns are not accused, a search runs.

    A group or time that the manifest has is declared. Most of the search's ten trials have a score. Where a score
    looks too good to be true (kr_vs_kp is nearly solved), the run ends, and a person who has looked resumes it.
    """
    root = fresh_clone(tmp_path / "study")
    asked = ["--target", entry["target"]]
    for kind in ("group", "time"):
        asked += [f"--{kind}", entry[f"{kind}_column"]] if f"{kind}_column" in entry else []
    rows = pd.read_csv(TABLES / entry["file"])
    rows.insert(1, "later", noisy(rows[entry["target"]], entry["task"], np.random.default_rng(0)))
    rows.to_csv(tmp_path / "leaky.csv", index=False)
    leaks = accusations(root, str(tmp_path / "leaky.csv"), *asked)
    assert [line.split("'")[1] for line in leaks] == ["later"], leaks
    assert "; --drop later" in leaks[0]
    assert accusations(root, "--drop", "later") == []
    assert accusations(root, str(TABLES / entry["file"]), *asked) == []
    git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qam", f"study {entry['name']}")
    try:
        made = 0
        while made < 10:
            done = run_real(root, sys.executable, "-m", "autoresearch", "search", "--trials", str(10 - made))
            assert done.returncode == 0, done.stderr
            history = open_workspace(root).current()
            assert len(history.trials) - 1 > made, "a search makes at least one trial"
            made = len(history.trials) - 1
            if made < 10:
                assert "SUSPICIOUS" in (history.run.ended or "")
                assert run_real(root, sys.executable, "-m", "autoresearch", "resume").returncode == 0
        states = [trial.state for trial in history.trials]
        assert states[0] is State.COMPLETE
        assert len(states) == 11
        scored = sum(state in (State.COMPLETE, State.PRUNED) for state in states)
        assert scored >= 9, [trial.error for trial in history.trials]
    finally:
        run_real(root, sys.executable, "-m", "autoresearch", "stop")


def accusations(root: Path, *options: str) -> list[str]:
    """Warnings of prepare.py that say that a column gives the target away."""
    done = run_real(root, sys.executable, "prepare.py", *options)
    assert done.returncode == 0, done.stderr
    warnings = [line.removeprefix("warning: ") for line in done.stdout.splitlines() if line.startswith("warning: ")]
    return [line for line in warnings if line.startswith(tuple(LEAKAGE))]
