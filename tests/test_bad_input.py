"""Bad input from a person: each refusal is one line with a remedy, changes nothing, and shows no traceback."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fakes import FakeScorer, edit, everything, git, version
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from support import Said, ScriptedScorer, always, call, face, lay, run_real, settings, table, toml, user_data

from autoresearch import data, splits
from autoresearch.errors import AutoresearchError, DataError, StudyError


def refused(said: Said, code: int = 1) -> str:
    """The one line of a refusal."""
    assert (said.code, said.out) == (code, ""), said
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    return said.err.removeprefix("error: ").rstrip("\n")


def fake(root: Path, *arguments: str) -> Said:
    """Run a command over scripted scores."""
    return call(root, *arguments, make=always(FakeScorer()))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A study in a repository, nothing run yet."""
    return face(tmp_path / "study", train=version(0, "scores: 0.8", "baseline"))


@pytest.fixture
def live(fresh: Path) -> Path:
    """The study with a live run and one discarded trial."""
    assert fake(fresh, "start", "run").code == 0
    edit(fresh, 1, "scores: 0.7")
    assert fake(fresh, "step").code == 0
    return fresh


class TestPlace:
    def test_no_study(self, tmp_path: Path):
        """Outside of a study's folder the message says what was looked for and where."""
        assert refused(call(tmp_path, "status")) == (
            f"study.toml: not found in {tmp_path} or above; run this inside a study's folder"
        )

    def test_no_repository(self, fresh: Path):
        """A study outside of git is told how to begin a repository."""
        shutil.rmtree(fresh / ".git")
        assert "is in no git repository; a run is kept in git: git init && " in refused(call(fresh, "start", "run"))

    def test_no_commit(self, fresh: Path):
        """A repository without a commit is told to make one."""
        shutil.rmtree(fresh / ".git")
        git(fresh, "init", "-q")
        assert "has no commit yet" in refused(call(fresh, "start", "run"))

    def test_no_git(self, fresh: Path, monkeypatch: pytest.MonkeyPatch):
        """A machine without git is told to install it."""
        monkeypatch.setenv("PATH", str(fresh / "nowhere"))
        assert refused(call(fresh, "status")) == (
            "git is not installed, or not on PATH; a run is kept in git: install it"
        )

    @pytest.mark.parametrize("verb", ["step", "status", "log", "stop", "resume", "report", "audit"])
    def test_no_run(self, fresh: Path, verb: str):
        """Before the first run every verb says how to begin one."""
        assert refused(fake(fresh, verb)) == (
            "HEAD is on branch main and there is no run yet; begin one with `autoresearch start TAG`"
        )

    @pytest.mark.parametrize("verb", ["step", "status", "log", "stop", "resume", "report", "audit"])
    def test_another_branch(self, live: Path, verb: str):
        """On another branch every verb says how to go to the run's."""
        git(live, "checkout", "-q", "main")
        assert refused(fake(live, verb)) == (
            "HEAD is on branch main, not on a run's branch; go to one: git switch autoresearch/run"
        )


class TestArguments:
    @pytest.mark.parametrize("tag", ["", "-x", "a b", "a/b", "..", "a..b", "x.lock", "é", "a" * 61, "run\n"])
    def test_tag_that_names_no_branch(self, fresh: Path, tag: str):
        """A tag that cannot name a branch is refused with what can."""
        said = fake(fresh, "start", "--", tag)
        assert "use 1 to 60 letters, digits, '.', '_' or '-', a letter or digit first" in refused(said)
        assert git(fresh, "branch", "--show-current") == "main"

    def test_tag_that_is_taken(self, live: Path):
        """A tag that was used says how to go on with that run."""
        assert "tag 'run' is taken; go on with it: git switch autoresearch/run" in refused(fake(live, "start", "run"))

    @pytest.mark.parametrize("verb", ["show", "checkout"])
    @pytest.mark.parametrize("number", ["2", "99", "-1"])
    def test_trial_that_is_not_there(self, live: Path, verb: str, number: str):
        """A number that no trial has is answered with those there are."""
        assert refused(fake(live, verb, "--", number)) == f"run 'run' has no trial {number}; it has 0 to 1"

    @pytest.mark.parametrize("arguments", [["show", "one"], ["nonsense"], ["start"], ["search", "--trials", "0"]])
    def test_usage(self, live: Path, arguments: list[str]):
        """What is no command gets its usage, on standard error, and exit code 2."""
        said = fake(live, *arguments)
        assert (said.code, said.out) == (2, "")
        assert "Usage: " in said.err
        assert "Traceback" not in said.err


class TestEdits:
    def test_unchanged(self, live: Path):
        """A step without an edit is refused."""
        assert refused(fake(live, "step")).startswith("train.py is unchanged: the same code as trial 0; ")

    def test_duplicate(self, live: Path):
        """A version tried before is answered from the record and not measured again."""
        edit(live, 1, "scores: 0.9", "under another name")
        message = refused(fake(live, "step"))
        assert message.startswith("duplicate of trial 1, nothing was run. iter 1 | val_auc=0.7000 ")

    def test_gone(self, live: Path):
        """A train.py that is gone can be brought back."""
        (live / "train.py").unlink()
        assert refused(fake(live, "step")) == "train.py is gone; bring it back: git restore train.py"

    def test_no_utf_8(self, live: Path):
        """A train.py in another encoding is named with the first byte that is none."""
        (live / "train.py").write_bytes(b'HYPOTHESIS = "\xe9"\n')
        assert refused(fake(live, "step")) == "train.py: byte 14 is not UTF-8; save it as UTF-8"

    @pytest.mark.parametrize("text", ["", "\n", "\0", "x = (", "﻿HYPOTHESIS = 'bom'", "\r\n" * 5])
    def test_any_text_is_a_crash_at_worst(self, tmp_path: Path, text: str):
        """Whatever train.py holds, a step over real folds ends in one line with exit code 3, and it is reverted."""
        root = face(tmp_path / "study")
        assert fake(root, "start", "run").code == 0
        before = (root / "train.py").read_text()
        (root / "train.py").write_bytes(text.encode())
        said = call(root, "step")
        assert said.code == 3, said
        assert said.lines[0].startswith("iter 1 | val_auc=none (train.py")
        assert "Traceback" not in said.out + said.err
        assert (root / "train.py").read_text() == before

    def test_baseline_without_a_score(self, fresh: Path):
        """A run does not begin from a train.py that fails, and nothing is left of the attempt."""
        edit(fresh, 0, "crash: ValueError: no")
        git(fresh, "add", "-A")
        git(fresh, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "broken")
        message = refused(fake(fresh, "start", "run"))
        assert message == "the baseline has no score: ValueError: no; put train.py right first (`uv run train.py`)"
        assert git(fresh, "branch", "--show-current") == "main"
        assert git(fresh, "for-each-ref", "refs/autoresearch") == ""


class TestStudy:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[study", "study.toml: not valid TOML: "),
            ("", "study.toml: study: is required and missing"),
            (
                toml(settings(evaluation={"metric": "auc"})),
                "study.toml: evaluation.metric: 'auc' is not a known metric; ",
            ),
            (toml(settings(study={"target": "lable"})), "study.toml: study.target: small.csv has no column 'lable'; "),
            (toml(settings(study={"data": "no.csv"})), "study.toml: study.data: 'no.csv' is neither a file here nor "),
        ],
        ids=["no TOML", "empty", "metric", "target", "table"],
    )
    def test_start_is_refused(self, fresh: Path, text: str, said: str):
        """A study that cannot be read, or whose table does not serve, is refused before anything begins."""
        (fresh / "study.toml").write_text(text)
        git(fresh, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qam", "bad study")
        before = everything(fresh)
        assert refused(call(fresh, "start", "run")).startswith(said)
        assert everything(fresh) == before

    def test_prepare_py_says_the_same_line(self, fresh: Path):
        """The harness itself refuses in one line, too, and prints no traceback."""
        (fresh / "study.toml").write_text(toml(settings(study={"target": "lable"})))
        done = run_real(fresh, sys.executable, "prepare.py")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            "error: study.toml: study.target: small.csv has no column 'lable'; did you mean 'label'?"
        ]

    def test_change_during_a_run(self, live: Path):
        """study.toml is frozen while a run is live, and the message says how to put it back."""
        (live / "study.toml").write_text(toml(settings(evaluation={"metric": "log_loss"})))
        edit(live, 2, "scores: 0.9")
        message = refused(fake(live, "step"))
        assert message.startswith("study.toml changed since the run started, and is frozen while it is live; ")
        assert "git restore --source=autoresearch/run study.toml" in message


class TestTables:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty; a table has a line of column names and rows"),
            (b"size,label\n", "has no rows"),
            (b"label\n" + b"0\n1\n" * 30, "has no column beside 'label' to predict it from"),
            (b"size,label\n1,2,3\n1,2\n1,2,3,4\n", "cannot be read as CSV, comma-separated, utf-8: "),
            (b"size,label\n1,0\n", "has one row; a study needs some dozens"),
            (b"size,label,size\n" + b"1,0,3\n2,1,4\n" * 30, "has two columns named 'size'; rename one of them"),
            (b"size,label\n" + b"inf,0\n2,1\n" * 30, "column 'size' is infinite in 30 of 60 rows; leave those cells"),
            (b"PK\x03\x04" + bytes(40), "is a zip archive or a spreadsheet; save its table as CSV or Parquet"),
            (b"PAR1" + bytes(40), "cannot be read as Parquet: "),
            (b"\x1f\x8b" + bytes(40), "cannot be read: "),
            (b"size,label\n\0\xff,1\n", "is in an encoding that cannot be found out; save it as UTF-8"),
            (b"size,label\n\0\0,1\n", "is no text; save its table as CSV or Parquet"),
        ],
        ids=[
            "empty",
            "header only",
            "target only",
            "ragged",
            "one row",
            "duplicate names",
            "infinities",
            "spreadsheet",
            "broken Parquet",
            "broken gzip",
            "no text in no encoding",
            "no text",
        ],
    )
    def test_unusable_file(self, tmp_path: Path, content: bytes, said: str):
        """A file that is no table is refused in one line by the field that names it."""
        study = lay(tmp_path / "study")
        (tmp_path / "study" / "small.csv").write_bytes(content)
        with pytest.raises(StudyError) as caught:
            data.prepare(tmp_path / "study", study)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith("study.toml: study.")

    def test_folder_for_a_table(self, tmp_path: Path):
        """A folder is no table."""
        study = lay(tmp_path / "study", study={"data": "."})
        with pytest.raises(StudyError, match=r"study\.data: '\.' is a folder; name a file in it"):
            data.prepare(tmp_path / "study", study)

    @pytest.mark.slow
    def test_ten_thousand_columns(self, tmp_path: Path):
        """A very wide table is prepared and read back like any other."""
        wide = pd.DataFrame(np.random.default_rng(0).random((60, 10_000)).round(2)).rename(columns="c{}".format)
        study = lay(tmp_path, wide.assign(label=[0, 1] * 30))
        found = data.prepare(tmp_path, study)
        assert found.columns == 10_001
        assert data.training(tmp_path, study, found).X.shape == (48, 10_000)

    def test_disk_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """Without room for the new rows the old ones stay, and nothing half written is left."""
        study = lay(tmp_path)
        before = data.prepare(tmp_path, study)
        kept = {path: path.read_bytes() for path in (tmp_path / "data").iterdir()}
        lay(tmp_path, table(300, seed=9))

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(DataError) as caught:
            data.prepare(tmp_path, study)
        assert str(caught.value).startswith("the prepared rows cannot be written: No space left on device; ")
        assert {path: path.read_bytes() for path in (tmp_path / "data").iterdir()} == kept
        monkeypatch.undo()
        monkeypatch.setenv("XDG_DATA_HOME", user_data(tmp_path / "study"))
        assert len(before.seal.read()) == before.holdout_rows

    @pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a file system of its own")
    def test_disk_that_is_really_full(self, tmp_path: Path):
        """The same on a file system that has no room left."""
        root = tmp_path / "small disk"
        root.mkdir()
        size = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(root)]
        if subprocess.run(["mount", *size], capture_output=True, check=False).returncode:
            pytest.skip("no mounts here")
        try:
            study = lay(root)
            with (root / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
                while filler.write(bytes(4096)):
                    pass
            with pytest.raises(DataError, match="cannot be written: No space left on device"):
                data.prepare(root, study)
            assert not list(root.glob("data/*"))
            assert (root / "small.csv").stat().st_size > 0
        finally:
            subprocess.run(["umount", str(root)], check=True)

    @given(st.data())
    @limits(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_any_table_is_prepared_or_refused(self, tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject):
        """Whatever a table of odd columns holds, it is prepared, dealt and read back alike, or refused in one line."""
        odd = st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**70), 2**70),
            st.floats(),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5),
        )
        rows = draw.draw(st.integers(0, 60))
        columns = draw.draw(st.lists(st.lists(odd, min_size=rows, max_size=rows), max_size=3))
        labels = draw.draw(st.sampled_from([2, 3, rows]))
        root = tmp_path_factory.mktemp("study")
        task, metric = draw.draw(
            st.sampled_from([("binary", "roc_auc"), ("multiclass", "log_loss"), ("regression", "rmse")])
        )
        content: dict[str, Any] = {f"column {i}": pd.Series(column, dtype=object) for i, column in enumerate(columns)}
        frame = pd.DataFrame(content | {"label": np.arange(rows) % max(labels, 1)})
        changes = {"study": {"task": task, "positive": None}, "evaluation": {"metric": metric}}
        study = lay(root, frame, **changes, holdout={"fraction": draw.draw(st.floats(0.05, 0.5))})
        try:
            found = data.prepare(root, study)
        except StudyError as error:
            assert "\n" not in str(error)  # noqa: PT017 - what is refused is refused in one line
            return
        kept, sealed = data.training(root, study, found), data.holdout(study, found)
        assert (len(kept.y), len(sealed.y)) == (found.rows, found.holdout_rows)
        assert kept.X.dtypes.to_dict() == sealed.X.dtypes.to_dict()
        shape = {"stratify": bool(found.classes), "repeats": found.repeats, "folds": found.folds}
        dealt = list(splits.splits(kept.y, kept.structure, **shape, seed=study.evaluation.seed))
        assert len(dealt) == found.repeats * found.folds
        assert all(len(np.unique(kept.y[split.train])) >= min(2, len(found.classes)) for split in dealt)


class TestData:
    def test_altered_training_rows(self, live: Path):
        """Training rows that somebody edited stop the run, with the command that writes them anew."""
        path = live / "data" / "small.parquet"
        path.write_bytes(path.read_bytes()[:-20])
        edit(live, 2, "scores: 0.9")
        message = refused(fake(live, "step"))
        assert "data/small.parquet" in message
        assert "uv run prepare.py" in message

    def test_altered_holdout(self, tmp_path: Path):
        """An altered holdout is refused, with what it now means, by whatever reads it."""
        root = face(tmp_path / "study")
        assert call(root, "start", "run").code == 0
        sealed = next(Path(user_data(root)).rglob("holdout.parquet"))
        sealed.write_bytes(sealed.read_bytes()[:-2])
        edit(root, 1)
        assert "was altered: it is no proof any more" in refused(call(root, "step"))

    def test_ledger_that_is_no_database(self, live: Path):
        """A damaged ledger is named, and not written over."""
        ledger = live / ".git" / "autoresearch" / "ledger.sqlite3"
        for path in ledger.parent.glob("ledger.sqlite3-*"):
            path.unlink()
        ledger.write_bytes(b"no database" * 1000)
        assert "cannot be used: file is not a database; restore it from a backup" in refused(fake(live, "status"))
        assert ledger.read_bytes().startswith(b"no database")


class TestInternalErrors:
    @staticmethod
    def failing(error: Callable[[], BaseException]) -> ScriptedScorer:
        """A scorer with a bug."""

        def fail(_: str) -> float:
            raise error()

        return ScriptedScorer(score=fail)

    def test_go_to_the_log(self, fresh: Path):
        """An error of the engine's own is one line with exit code 70; the traceback is in the log that it names."""
        said = call(fresh, "start", "run", make=always(self.failing(lambda: RuntimeError("a bug\nin two lines"))))
        assert refused(said, 70) == "RuntimeError: a bug in two lines; the traceback is in runs/error.log"
        log = (fresh / "runs" / "error.log").read_text()
        assert "Traceback (most recent call last):" in log
        assert "RuntimeError: a bug" in log

    def test_log_is_added_to(self, fresh: Path):
        """The log keeps earlier errors."""
        for number in range(2):
            call(fresh, "start", "run", make=always(self.failing(lambda: RuntimeError(f"bug {number}"))))  # noqa: B023
        log = (fresh / "runs" / "error.log").read_text()
        assert "bug 0" in log
        assert "bug 1" in log

    def test_interruption_loses_nothing(self, live: Path):
        """Ctrl-C during a trial is one line with exit code 130; the edit stays, and the trial is no duplicate."""
        text = edit(live, 2, "scores: 0.9")
        said = call(live, "step", make=always(self.failing(KeyboardInterrupt)))
        assert (said.code, said.out) == (130, "")
        assert said.err.startswith("interrupted: what was finished is kept, and so is the edit in train.py")
        assert said.err.count("\n") == 1
        assert (live / "train.py").read_text() == text
        assert fake(live, "step").code == 0

    def test_refusal_during_a_trial(self, live: Path):
        """What the scorer refuses is the command's refusal."""
        edit(live, 2, "scores: 0.9")
        said = call(live, "step", make=always(self.failing(lambda: AutoresearchError("the scorer ended"))))
        assert refused(said) == "the scorer ended"


def test_refusals_change_nothing(live: Path):
    """No refused command touches a file, a ref or the record."""
    before = everything(live)
    for arguments in (["step"], ["show", "9"], ["checkout", "9"], ["start", "run"], ["start", "a b"], ["resume", "x"]):
        assert fake(live, *arguments).code in (1, 2)
    assert everything(live) == before
