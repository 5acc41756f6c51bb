"""Drafts of study.toml: what is asked for and what is inferred, written over what a person wrote, losing nothing."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import REPO, call, face, lay, run_real, settings, table, toml

from autoresearch import drafts
from autoresearch.errors import StudyError
from autoresearch.study import load
from autoresearch.toml import changed

PERSONS = """# my study
[study]
name = "small"  # a name
data = 'small.csv'
target = "label"
task = "binary"
positive = 1
drop = [
  "age",  # an id
]

[evaluation]
metric = "log_loss" # with a "#" in it

[budget]
iterations = 7  # few
"""


def written(root: Path, text: str = PERSONS) -> Path:
    """A folder with small.csv and a person's study.toml."""
    lay(root)
    (root / "study.toml").write_text(text)
    return root


def said(root: Path, *arguments: str) -> dict[str, Any]:
    """The settings of a draft."""
    return tomllib.loads(drafts.draft(root, arguments).text)


class TestChanges:
    def test_comments_and_all_else_stay(self):
        """A changed line keeps its comment, and no other line changes."""
        new = changed(PERSONS, {("study", "name"): "other", ("budget", "iterations"): 9}).splitlines()
        old = PERSONS.splitlines()
        assert [(a, b) for a, b in zip(old, new, strict=True) if a != b] == [
            ('name = "small"  # a name', 'name = "other"  # a name'),
            ("iterations = 7  # few", "iterations = 9  # few"),
        ]

    def test_value_of_several_lines(self):
        """A value that takes several lines is replaced as a whole."""
        new = changed(PERSONS, {("study", "drop"): ["age", "size"]})
        assert 'drop = ["age", "size"]\n\n[evaluation]' in new

    def test_new_keys_and_sections(self):
        """A key that is not there joins its section, and a section the end."""
        new = changed(PERSONS, {("evaluation", "seed"): 3, ("time", "column"): "day"})
        assert 'metric = "log_loss" # with a "#" in it\nseed = 3\n\n[budget]' in new
        assert new.endswith('iterations = 7  # few\n\n[time]\ncolumn = "day"\n')

    def test_keys_and_sections_are_taken_out(self):
        """None takes a key out; a section goes with all that is in it."""
        new = changed(PERSONS, {("study", "positive"): None}, ["budget"])
        assert "positive" not in new
        assert "budget" not in new

    @pytest.mark.parametrize("text", ["[study", 'study.name = "x"\n', 'study = {name = "x"}\n'])
    def test_other_layouts_are_refused(self, text: str):
        """What cannot be changed line by line is left alone."""
        with pytest.raises(StudyError, match=r"^study\.toml: (not valid TOML|its layout cannot be changed)"):
            changed(text, {("study", "name"): "y"})

    @given(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3))
    def test_any_text_is_read_back(self, name: str, columns: list[str]):
        """Whatever a table or its columns are called, it is written as TOML."""
        if any("\ud800" <= letter <= "\udfff" for letter in name + "".join(columns)):
            return
        found = tomllib.loads(changed(PERSONS, {("study", "data"): name, ("study", "drop"): columns}))
        assert (found["study"]["data"], found["study"]["drop"]) == (name, columns)


class TestDraft:
    def test_own_study_is_the_draft_of_its_table(self, tmp_path: Path):
        """The study in this repository's root is what a person gets for `uv run prepare.py heart`."""
        assert drafts.draft(tmp_path, ["heart"]).text == (REPO / "study.toml").read_text()

    def test_new_table_keeps_what_is_not_about_it(self, tmp_path: Path):
        """Budget and comments stay; what was said of the other table goes."""
        root = written(tmp_path)
        found = said(root, "iris")
        assert found["study"] == {
            "name": "iris", "data": "iris", "target": "target", "task": "multiclass", "drop": [], "readable": [],
        }  # fmt: skip
        assert found["evaluation"] == {"metric": "log_loss"}
        assert found["budget"] == {"iterations": 7}
        assert drafts.draft(root, ["iris"]).text.startswith("# my study\n")

    def test_options_alone_change_the_present_study(self, tmp_path: Path):
        """Without a table the study stays what it is but for what was said."""
        found = said(written(tmp_path), "--drop", "dose", "--drop", "kind")
        expected = tomllib.loads(PERSONS)
        expected["study"]["drop"] = ["age", "dose", "kind"]
        assert found == expected

    def test_everything_can_be_said(self, tmp_path: Path):
        """Each option goes where study.toml has it."""
        arguments = ["small.csv", "--target", "label", "--task", "binary", "--metric", "f1", "--positive", "0"]
        lay(tmp_path)
        found = said(tmp_path, *arguments, "--drop", "age", "--drop-missing-target")
        assert found["study"] == {
            "name": "small", "data": "small.csv", "target": "label", "task": "binary", "positive": 0, "drop": ["age"],
            "readable": [], "drop_missing_target": True,
        }  # fmt: skip
        assert found["evaluation"]["metric"] == "f1"

    def test_another_target_is_inferred_anew(self, tmp_path: Path):
        """Task, metric and positive class belong to the target."""
        found = said(written(tmp_path), "--target", "size")
        assert (found["study"]["task"], found["evaluation"]["metric"]) == ("regression", "rmse")
        assert "positive" not in found["study"]

    @pytest.mark.parametrize(
        ("data", "name"),
        [
            ("a b.csv.gz", "a_b"),
            ("openml:credit-g@1", "credit-g"),
            ("http://x.org/y/t.csv?v=1", "t"),
            (".csv", "table"),
        ],
    )
    def test_study_is_named_after_its_table(self, data: str, name: str):
        """A name of letters and digits comes from whatever the table is called."""
        assert drafts._name(data) == name

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["small.csv", "--target", "lable"], "--target: small.csv has no column 'lable'; did you mean 'label'?"),
            (["small.csv", "--drop", "aeg"], "--drop: small.csv has no column 'aeg'; did you mean 'age'?"),
            (["small.csv", "--metric", "auc"], "study.toml: evaluation.metric: 'auc' is not a known metric; choose "),
            (["no.csv"], "'no.csv' is neither a file here nor a bundled table (heart, "),
            ([".", "--target", "label"], "'.' is a folder; name a file in it"),
        ],
    )
    def test_refusals(self, tmp_path: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch):
        """What cannot be is refused in one line, with what is meant."""
        lay(tmp_path)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(StudyError) as caught:
            drafts.draft(tmp_path, arguments)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)

    def test_no_table_anywhere(self, tmp_path: Path):
        """Options without a table and without a study have nothing to be about."""
        with pytest.raises(StudyError, match=r"name a table: uv run prepare\.py my\.csv"):
            drafts.draft(tmp_path, ["--target", "x"])


class TestCommand:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A repository with a committed study, and another table that is not in git."""
        root = face(tmp_path / "study")
        table(150, seed=1).rename(columns={"label": "churn"}).to_csv(root / "my.csv", index=False)
        return root

    def test_one_line_is_all_it_takes(self, root: Path):
        """A table and its target: study.toml is written, the study prepared, and what was inferred is said."""
        done = run_real(root, sys.executable, "prepare.py", "my.csv", "--target", "churn")
        assert (done.returncode, done.stderr) == (0, "")
        said = done.stdout.splitlines()
        for line in (
            "written: study.toml; edit it as you like, and commit it before a run",
            "task binary: 'churn' has two values",
            "metric roc_auc: the usual one for a binary task",
            "positive class 1: its name says so",
            "study: my",
            "table: my.csv, CSV, comma-separated, utf-8",
            "rows: 120 for training, 30 sealed",
        ):
            assert line in said
        assert load(root / "study.toml").study.target == "churn"
        assert {path.name for path in (root / "data").iterdir()} >= {"my.json", "my.parquet"}
        assert not list(root.glob("study-*.toml"))

    def test_study_that_git_does_not_have_is_kept(self, root: Path):
        """An edit that was never committed stays under another name, and that is said."""
        (root / "study.toml").write_text(PERSONS)
        done = run_real(root, sys.executable, "prepare.py", "my.csv")
        assert done.returncode == 0, done.stderr
        (kept,) = root.glob("study-*.toml")
        assert kept.read_text() == PERSONS
        assert done.stdout.splitlines()[0] == f"kept: {kept.name}, the study.toml that was here"
        assert load(root / "study.toml").budget.iterations == 7

    def test_refusal_changes_nothing(self, root: Path):
        """A table that cannot be prepared leaves study.toml and data/ as they were."""
        (root / "my.csv").write_text("size,churn\n" + "1,0\n" * 50)
        before = (root / "study.toml").read_text()
        done = run_real(root, sys.executable, "prepare.py", "my.csv", "--task", "binary")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "error: study.toml: study.target: 'churn' is 0 in every row; name another column\n"
        assert (root / "study.toml").read_text() == before
        assert not (root / "data").exists()

    def test_live_run_is_not_disturbed(self, root: Path):
        """While a run is live, neither another study nor another table under its name is prepared."""
        assert call(root, "start", "run").code == 0
        before = {path: path.read_bytes() for path in (root / "study.toml", *(root / "data").iterdir())}
        done = run_real(root, sys.executable, "prepare.py", "my.csv")
        assert done.returncode == 1
        assert "is live here under fingerprint" in done.stderr
        table(100, seed=5).to_csv(root / "small.csv", index=False)
        done = run_real(root, sys.executable, "prepare.py")
        assert done.returncode == 1
        assert "small.csv is another table now, and a run is live here" in done.stderr
        assert {path: path.read_bytes() for path in before} == before
        assert done.stderr.count("\n") == 1

    def test_without_arguments_study_toml_says_it_all(self, root: Path):
        """prepare.py alone prepares what study.toml names and leaves the file as it is."""
        text = toml(settings(study={"data": "my.csv", "target": "churn"}))
        (root / "study.toml").write_text(text)
        done = run_real(root, sys.executable, "prepare.py")
        assert done.stdout.startswith("study: small\ntable: my.csv, ")
        assert (root / "study.toml").read_text() == text
