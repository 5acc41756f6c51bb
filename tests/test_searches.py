"""The search's short forms: a table, a person's script, a data set by name; prepared, committed, searched."""

import shutil
from pathlib import Path

import pytest
from fakes import git
from support import Said, ScriptedScorer, always, call, face, table

from autoresearch.errors import StudyError
from autoresearch.library import baseline
from autoresearch.searches import spelled_out
from autoresearch.source import fingerprints
from autoresearch.studying import study_of

SCRIPTS = Path(__file__).parent / "pipelines"


def by_text(source: str) -> float:
    """A score that any change of the code changes."""
    return 0.8 + int(fingerprints(source).code[:8], 16) / 2**32 / 10


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A committed face over some study."""
    return face(tmp_path / "study", train=baseline("binary").source("baseline"))


def said(root: Path, *arguments: str) -> Said:
    """Run a short form over scripted scores."""
    return call(root, *spelled_out(list(arguments)), make=always(ScriptedScorer(score=by_text)))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["my.csv"], ["search", "my.csv"]),
        (["my.parquet", "--target", "y"], ["search", "my.parquet", "--target", "y"]),
        (["my_pipeline.py", "--trials", "3"], ["search", "my_pipeline.py", "--trials", "3"]),
        (["--dataset", "adult"], ["search", "--dataset", "adult"]),
        (["openml:adult@2"], ["search", "openml:adult@2"]),
        (["status"], ["status"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_short_forms_are_searches(arguments: list[str], expected: list[str]):
    """A table, a script or a data set in the verb's place is searched; every verb stays what it is."""
    assert spelled_out(arguments) == expected


def test_table_of_ones_own(root: Path, tmp_path: Path):
    """One command drafts the study of a table, puts its baseline there, commits both and searches."""
    rows = table(200).assign(label=lambda rows: rows["label"].map({0: "no", 1: "yes"}))
    rows.to_csv(tmp_path / "mine.csv", index=False)
    found = said(root, str(tmp_path / "mine.csv"), "--target", "label", "--trials", "3")
    assert found.code == 0, found.err
    assert "committed: study.toml" in found.out
    assert 'name = "mine"' in (root / "study.toml").read_text()
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "branch", "--show-current").startswith("autoresearch/search-")
    assert [line.split()[1] for line in found.lines if line.startswith("iter ")] == ["0", "1", "2", "3"]


def test_same_command_again_goes_on(root: Path, tmp_path: Path):
    """A second time the command meets its own live run, changes no file and searches on."""
    table(200).to_csv(tmp_path / "mine.csv", index=False)
    command = (str(tmp_path / "mine.csv"), "--target", "label", "--trials", "2")
    said(root, *command)
    before = git(root, "branch", "--show-current")
    found = said(root, *command)
    assert found.code == 0, found.err
    assert git(root, "branch", "--show-current") == before
    assert [line.split()[1] for line in found.lines if line.startswith("iter ")] == ["3", "4"]


def test_script_of_ones_own(root: Path, tmp_path: Path):
    """A script becomes the baseline, its parts are searched over, and the best is written beside it."""
    script = tmp_path / "heart_binary.py"
    shutil.copy(SCRIPTS / "heart_binary.py", script)
    rows = table(200).rename(columns={"label": "target"})
    names = ["age", "trestbps", "chol", "thalach", "oldpeak"]
    rows = rows.assign(**{name: rows["size"] * (number + 1) + 200 for number, name in enumerate(names)})
    rows[[*names, "target"]].to_csv(tmp_path / "heart.csv", index=False)
    found = said(root, str(script), "--trials", "6")
    assert found.code == 0, found.err
    assert "heart_binary.py as it is" in found.lines[[x.startswith("iter 0") for x in found.lines].index(True)]
    kept = [line for line in found.lines if "| KEPT" in line]
    written = tmp_path / "heart_binary.best.py"
    assert written.exists() == bool(kept)
    assert "train.py: now heart_binary.py as the harness runs it" in found.out
    assert script.read_text() == (SCRIPTS / "heart_binary.py").read_text()


def test_edit_in_train_py_is_not_lost(root: Path, tmp_path: Path):
    """A script does not take the place of an edit that git does not have."""
    mine = (root / "train.py").read_text() + "# mine\n"
    (root / "train.py").write_text(mine)
    script = tmp_path / "heart_binary.py"
    shutil.copy(SCRIPTS / "heart_binary.py", script)
    table(200).rename(columns={"label": "target"}).to_csv(tmp_path / "heart.csv", index=False)
    found = said(root, str(script))
    assert found.code != 0
    assert "holds an edit that git does not have" in found.err
    assert (root / "train.py").read_text() == mine


def test_two_tables_are_one_too_many(root: Path):
    """A table and --dataset together are refused in one line."""
    found = said(root, "mine.csv", "--dataset", "adult")
    assert found.code != 0
    assert "give one of the two" in found.err


def test_table_that_is_not_there(root: Path):
    """A short form over a missing file says so and changes nothing."""
    with pytest.raises(StudyError, match="nowhere"):
        list(study_of(root, "nowhere.csv", None, None))
    assert git(root, "status", "--porcelain") == ""
