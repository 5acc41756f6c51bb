"""The ledger: what is written is read back, whole or not at all, whoever writes at the same time."""

import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import a_run, a_trial
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.errors import LedgerError
from autoresearch.history import History
from autoresearch.ledger import Ledger
from autoresearch.run import AuditRecord
from autoresearch.trial import Evidence, State, Trial, Verdict

TEXT = st.text(max_size=30)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
REPEATS = st.lists(st.lists(NUMBER, max_size=3).map(tuple), max_size=3).map(tuple)
TRIALS = st.builds(
    replace,
    st.just(a_trial(0)),
    source=TEXT,
    hypothesis=TEXT,
    error=st.none() | TEXT,
    traceback=st.none() | TEXT,
    note=TEXT,
    state=st.sampled_from(State),
    verdict=st.none() | st.sampled_from(Verdict),
    evidence=st.sampled_from(Evidence),
    scores=REPEATS,
    score=st.none() | NUMBER,
    delta_se=st.none() | NUMBER,
    by_hand=st.booleans(),
    settled=st.booleans(),
    parent=st.none() | st.integers(0, 2**40),
    commit=st.none() | TEXT,
    wall_s=NUMBER,
)
AUDIT = AuditRecord("t", 5.0, 1, 0, 1, 0.7, 0.8, 0.1, 0.02, 0.18, 0.025, "DeLong", unsealed=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger for properties, which enter their runs under new tags."""
    return Ledger(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with run `t` and its baseline."""
    made = Ledger(tmp_path / "ledger")
    made.add_run(a_run(), a_trial(0, 0.8))
    return made


@given(st.lists(TRIALS, min_size=1, max_size=5), st.lists(TRIALS, max_size=5))
def test_replay_gives_what_was_written(shared: Ledger, entered: list[Trial], later: list[Trial]):
    """Any trials entered and any states written over them read back the same, by another connection too."""
    tag = f"run{len(shared.runs())}"
    expected = [replace(trial, tag=tag, n=n) for n, trial in enumerate(entered)]
    shared.add_run(a_run(tag), expected[0])
    for trial in expected[1:]:
        assert shared.add_trial(replace(trial, n=77)) == trial, "numbers are the ledger's to give"
    for trial, state in zip(expected, later, strict=False):
        expected[trial.n] = shared.save_trial(replace(state, tag=tag, n=trial.n))
    again = Ledger(shared.folder)
    assert shared.trials(tag) == again.trials(tag) == expected
    assert again.find_run(tag) == a_run(tag)
    again.close()


def test_text_that_is_no_unicode_is_stored(ledger: Ledger):
    """A lone surrogate, as an error text may hold one, is stored as a question mark; NUL stays."""
    ledger.save_trial(a_trial(0, error="a\ud800b\0c"))
    assert ledger.trials("t")[0].error == "a?b\0c"


def test_runs_are_kept_apart(ledger: Ledger):
    """Numbers begin anew with each run, and changes of one leave the other."""
    ledger.add_run(a_run("u"), a_trial(0, 0.8, tag="u"))
    assert ledger.add_trial(a_trial(9, tag="u")).n == 1
    assert ledger.add_trial(a_trial(9)).n == 1
    ledger.update_run("u", ended="over", parent=1, warnings=("careful",))
    assert ledger.find_run("t") == a_run()
    assert ledger.find_run("u") == a_run("u", ended="over", parent=1, warnings=("careful",))
    assert [run.tag for run in ledger.runs()] == ["t", "u"]
    assert ledger.find_run("v") is None


def test_run_is_entered_whole_or_not_at_all(ledger: Ledger):
    """A run whose baseline cannot be entered is not entered either."""
    with pytest.raises(sqlite3.IntegrityError):
        ledger.add_run(a_run("u"), a_trial(0, tag="t"))
    assert ledger.find_run("u") is None
    assert ledger.add_trial(a_trial(5)).n == 1, "the ledger is usable afterwards"


def test_audits(ledger: Ledger):
    """Audits read back as written, in order."""
    second = replace(AUDIT, number=2, created=6.0, unsealed=True)
    ledger.add_audit(second)
    ledger.add_audit(AUDIT)
    assert ledger.audits("t") == [AUDIT, second]
    assert ledger.audits("u") == []


def at_once(work: Callable[[], None], threads: int) -> list[str]:
    """Do `work` in so many threads that begin together; what went wrong."""
    errors: list[str] = []
    meet = threading.Barrier(threads)

    def begin() -> None:
        meet.wait()
        try:
            work()
        except Exception:  # whatever it is, it is the failure
            errors.append(traceback.format_exc())

    made = [threading.Thread(target=begin) for _ in range(threads)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    return errors


def test_numbers_are_unique(ledger: Ledger):
    """Connections that enter trials at the same time never get the same number."""
    taken: list[int] = []

    def enter() -> None:
        own = Ledger(ledger.folder)
        taken.extend(own.add_trial(a_trial(0)).n for _ in range(20))
        own.close()

    assert at_once(enter, 4) == []
    assert sorted(taken) == list(range(1, 81))


@pytest.mark.parametrize("attempt", range(10))
def test_created_by_many_at_once(tmp_path: Path, attempt: int):
    """Commands that find no ledger and make it at the same time all succeed."""
    assert at_once(lambda: Ledger(tmp_path / "ledger").close(), 6) == []


def test_writer_killed_inside_a_transaction(ledger: Ledger):
    """A process killed between two writes of one transaction leaves neither, and no lock."""
    script = f"""
import os, signal
from pathlib import Path
from fakes import a_run, a_trial
from autoresearch.ledger import Ledger
ledger = Ledger(Path({str(ledger.folder)!r}))
with ledger.transaction():
    ledger.update_run("t", parent=7)
    ledger.save_trial(a_trial(0, 0.99))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, check=False)
    assert done.returncode == -9
    assert ledger.trials("t") == [a_trial(0, 0.8)]
    assert ledger.find_run("t") == a_run()
    assert ledger.add_trial(a_trial(0)).n == 1


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be looked at" * 100, b"SQLite format 3\0"]
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes):
    """A file that is no database is refused in one line with the remedy, and left as it is."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"ledger\.sqlite3 cannot be used: .*restore it from a backup") as caught:
        Ledger(tmp_path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_folder_that_cannot_be_written(tmp_path: Path):
    """A place where no folder can be made is refused."""
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger(tmp_path / "file" / "ledger")


def test_durable_settings(ledger: Ledger):
    """Writes are synchronous and readers do not block the writer."""
    assert ledger._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert ledger._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_history_of_a_ledger(ledger: Ledger):
    """What is decided from is what was written."""
    for outcome in ("keep", "discard", "crashed"):
        ledger.add_trial(a_trial(0, outcome))
    history = History(a_run(), ledger.trials("t"))
    assert [trial.status for trial in history.trials] == ["keep", "keep", "discard", "crash"]
    assert history.incumbent.n == 1
