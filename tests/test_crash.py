"""Kill -9 anywhere in a step or a start: the next command repairs what was left, and nothing is lost."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from fakes import (
    BASELINE,
    OUTCOMES,
    TAG,
    as_person,
    command,
    commit,
    follow,
    git,
    make_loop,
    settled,
    source_at,
    version,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.loop import Loop
from autoresearch.trial import State

STEP_SECONDS = 0.1  # about twice what a step takes
EDIT = version(99, "scores: 0.95", "what a person wrote meanwhile")


def recorded(root: Path, verb: str) -> list[str]:
    """The points that a whole `verb` goes through."""
    points: list[str] = []
    loop = make_loop(root, points.append)
    loop.start(TAG) if verb == "start" else loop.step()
    return points


def killed_at(root: Path, verb: str, point: str) -> None:
    """Run `verb`, which kills itself with signal 9 at `point`."""
    done = command(root, verb, point)
    _, said = done.communicate(timeout=60)
    assert done.returncode == -signal.SIGKILL, f"{point}: {said.decode()}"


def as_a_person_works(root: Path) -> str:
    """Leave staged, unstaged and new changes beside train.py; gives what git says of them."""
    (root / "notes.md").write_text("notes\na staged thought\n")
    git(root, "add", "notes.md")
    (root / "notes.md").write_text("notes\na staged thought\nand one that is not\n")
    (root / "plan.md").write_text("plan\nunstaged\n")
    (root / "new.md").write_text("new\n")
    git(root, "add", "new.md")
    (root / "untracked.md").write_text("untracked\n")
    return of_a_person(root)


def of_a_person(root: Path) -> str:
    """What git says of everything but train.py: status, and the staged blobs."""
    names = ("notes.md", "plan.md", "new.md", "untracked.md")
    return git(root, "status", "--porcelain", "--", *names) + git(root, "ls-files", "--stage", "--", *names)


def check(root: Path, history: History, trial_text: str, *, edited: bool) -> None:
    """Branch and train.py are what the ledger's verdict on the last trial says."""
    last = history.trials[-1]
    decided = last.n > 0 and last.state is not State.INTERRUPTED
    kept = decided and last.status == "keep"
    assert source_at(root, "HEAD") == (trial_text if kept else BASELINE)
    undone = decided and not kept
    expected = EDIT if edited else BASELINE if undone else trial_text
    assert (root / "train.py").read_text() == expected
    staged = git(root, "ls-files", "--stage", "--", "train.py").split()[1]
    assert staged == git(root, "rev-parse", "HEAD:train.py"), "train.py's index entry is the branch's"


def goes_on(root: Path) -> str:
    """Measure a further version, whatever happened before; its verdict."""
    (root / "train.py").write_text(version(1000, "scores: 0.97"))
    outcome = make_loop(root).step()
    assert outcome.trial
    assert outcome.notes == ()
    settled(root)
    return outcome.trial.label


@pytest.mark.parametrize("edited", [False, True], ids=["left", "edited"])
@pytest.mark.parametrize("verdict", OUTCOMES)
def test_step_killed_at_each_point(
    new_study: Callable[[str], Path], subtests: pytest.Subtests, verdict: str, edited: bool
):
    """Killed at any point of a step, the next command agrees with the ledger and loses no edit and no verdict."""
    text = version(1, OUTCOMES[verdict])
    sample = new_study("started")
    (sample / "train.py").write_text(text)
    points = recorded(sample, "step")
    assert len(points) > 6
    for number, point in enumerate(points):
        with subtests.test(point=point):
            root = new_study("started")
            people = as_a_person_works(root)
            (root / "train.py").write_text(text)
            killed_at(root, "step", point)
            if edited:
                (root / "train.py").write_text(EDIT)
            history, notes = settled(root)
            trial = history.trials[1] if len(history.trials) > 1 else None
            assert (trial is not None) == (number >= points.index("row"))
            if number >= points.index("decided"):
                assert trial
                assert trial.status == verdict, "a finished trial is never lost"
            if trial and number < points.index("settled"):
                assert any("trial 1 " in note and note.startswith("repaired: ") for note in notes)
            check(root, history, text, edited=edited)
            assert of_a_person(root) == people
            assert goes_on(root) == "KEPT"


def test_start_killed_at_each_point(new_study: Callable[[str], Path], subtests: pytest.Subtests):
    """Killed at any point of a start, the run either exists and goes on, or can be started again under its tag."""
    points = recorded(new_study("fresh"), "start")
    assert len(points) >= 3
    for point in points:
        with subtests.test(point=point):
            root = new_study("fresh")
            people = as_a_person_works(root)
            killed_at(root, "start", point)
            if make_loop(root).workspace.ledger.find_run(TAG) is None:
                make_loop(root).start(TAG)
            history, _ = settled(root)
            assert [trial.n for trial in history.trials] == [0]
            assert (root / "train.py").read_text() == BASELINE
            assert git(root, "symbolic-ref", "HEAD") == f"refs/heads/autoresearch/{TAG}"
            assert git(root, "rev-parse", "HEAD") == git(root, "rev-parse", "main")
            assert of_a_person(root) == people
            assert goes_on(root) == "KEPT"


def kill(running: subprocess.Popen[bytes], rng: random.Random, within: float) -> None:
    """Kill a process at a random time: alone, so that git children live on for a moment, or with all it started."""
    time.sleep(rng.uniform(0, within))
    with suppress(ProcessLookupError):
        (os.kill if rng.random() < 0.5 else os.killpg)(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
    with suppress(ProcessLookupError):
        while True:
            os.killpg(running.pid, 0)
            time.sleep(0.005)


def refusal(root: Path) -> str | None:
    """Why a repair is refused; None when it is not."""
    try:
        make_loop(root).repair()
    except AutoresearchError as error:
        return str(error)
    return None


def without_stale_locks(root: Path) -> None:
    """Do what the errors say about locks of git commands that were killed; each error names the one in the way."""
    for _ in range(4):
        locks = [path for path in (root / ".git").rglob("*.lock") if path.name != "autoresearch.lock"]
        if not locks:
            return
        said = refusal(root)
        if said is None:
            return
        named = [path for path in locks if str(path) in said]
        assert named, f"{said} names none of {locks}"
        named[0].unlink()


def random_kill(root: Path, seed: int) -> str:
    """Kill a step at a random time, repair, check, go on; the verdict of the version after it."""
    rng = random.Random(seed)
    verdict = rng.choice(list(OUTCOMES))
    text = version(1, OUTCOMES[verdict])
    people = as_a_person_works(root)
    (root / "train.py").write_text(text)
    running = command(root, "step")
    kill(running, rng, within=STEP_SECONDS)
    edited = rng.random() < 0.5
    if edited:
        (root / "train.py").write_text(EDIT)
    without_stale_locks(root)
    history, _ = settled(root)
    if history.trials[-1].n and history.trials[-1].state is not State.INTERRUPTED:
        assert history.trials[-1].status == verdict
    check(root, history, text, edited=edited)
    assert of_a_person(root) == people
    without_stale_locks(root)
    return goes_on(root)


@pytest.mark.parametrize("seed", range(8))
def test_step_killed_at_a_random_time(started: Path, seed: int):
    """Killed at any time, inside git's and SQLite's own work too, a step is repaired."""
    assert random_kill(started, seed) == "KEPT"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 400))
def test_step_killed_at_many_random_times(started: Path, seed: int):
    """The same, hundreds of times."""
    assert random_kill(started, seed) == "KEPT"


@pytest.mark.parametrize("verdict", OUTCOMES)
def test_interrupted_trial_is_measured_again(started: Path, verdict: str):
    """The next step measures the version of a killed one again: it is no duplicate, and both are in the ledger."""
    (started / "train.py").write_text(version(1, OUTCOMES[verdict]))
    killed_at(started, "step", "trial ran")
    outcome = make_loop(started).step()
    assert outcome.trial
    assert outcome.trial.n == 2
    assert outcome.trial.status == verdict
    assert outcome.notes[0].startswith("repaired: trial 1 was interrupted")
    history, notes = settled(started)
    assert notes == ()
    assert [trial.state for trial in history.trials[:2]] == [State.COMPLETE, State.INTERRUPTED]


class Killed(BaseException):
    """Ends a command at a point, past every handler of errors, as a kill would."""


class Person(RuleBasedStateMachine):
    """Commands, kills and a person's own edits, commits and checkouts in any order.

    After each rule: no content that a person ever gave to train.py is gone, unless a trial has it; staged and
    unstaged work on other files is untouched; and a repair leaves nothing for a second one.
    """

    def __init__(self, new_study: Callable[[str], Path]) -> None:
        super().__init__()
        self.root = new_study("started")
        self.people = as_a_person_works(self.root)
        self.now = 0.0
        self.given = 0

    def text(self) -> bytes | None:
        """What stands in train.py."""
        path = self.root / "train.py"
        return path.read_bytes() if path.exists() else None

    def engine(self, verb: Callable[[Loop], object], steps: int = 1000) -> None:
        """Run a command that is killed after so many points; whatever it does, it loses nothing."""
        before, left = self.text(), [steps]

        def reach(_: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        loop = make_loop(self.root, reach)
        with suppress(AutoresearchError, Killed):
            verb(loop)
        ledger = loop.workspace.ledger
        known = {trial.source.encode() for trial in ledger.trials(TAG)}
        assert before is None or before in known | {self.text()}, "an edit is lost"
        ledger.close()

    @rule(outcome=st.sampled_from(["scores: 0.81", "scores: 0.85", *OUTCOMES.values()]), again=st.booleans())
    def edit(self, outcome: str, again: bool) -> None:
        """A person, or an agent, writes a version: a new one, or the last one with another comment."""
        self.given += not again
        (self.root / "train.py").write_text(version(self.given, outcome))

    @rule(broken=st.sampled_from([b"\xff", b"", b"def ("]))
    def write_nonsense(self, broken: bytes) -> None:
        """A file that is no text, empty, or does not parse."""
        (self.root / "train.py").write_bytes(broken)

    @rule()
    def delete(self) -> None:
        """A deleted train.py."""
        (self.root / "train.py").unlink(missing_ok=True)

    @rule()
    def restore(self) -> None:
        """A person gives an edit up."""
        git(self.root, "restore", "train.py")

    @rule(steps=st.integers(0, 14) | st.just(1000))
    def step(self, steps: int) -> None:
        """A step, killed somewhere or not."""
        self.engine(lambda loop: loop.step(), steps)

    @rule(steps=st.integers(0, 14) | st.just(1000))
    def measure(self, steps: int) -> None:
        """``uv run train.py``, killed somewhere or not."""
        self.engine(lambda loop: loop.measure(loop.workspace.study()), steps)

    @rule(n=st.integers(0, 5))
    def checkout(self, n: int) -> None:
        """Another trial's source."""
        self.engine(lambda loop: loop.checkout(n))

    @rule()
    def stop_and_resume(self) -> None:
        """A run that ended and goes on."""
        self.engine(lambda loop: loop.stop())
        self.engine(lambda loop: loop.resume())

    @rule()
    def commit_version(self) -> None:
        """A person commits train.py by hand, alone."""
        if self.text() is not None:
            commit(self.root, "by hand", "train.py")

    @rule(commits=st.integers(0, 2))
    def reset_softly(self, commits: int) -> None:
        """A person moves the branch back and keeps the files."""
        if int(git(self.root, "rev-list", "--count", "main..HEAD")) >= commits:
            git(self.root, "update-ref", "HEAD", f"HEAD~{commits}")
            git(self.root, "reset", "-q", "--", "train.py")

    @rule(stage=st.booleans())
    def stage_version(self, stage: bool) -> None:
        """train.py staged, or not any more."""
        if stage and self.text() is not None:
            git(self.root, "add", "train.py")
        else:
            git(self.root, "reset", "-q", "--", "train.py")

    @rule(text=st.sampled_from([None, "", "mine\n"]))
    def spoil_results(self, text: str | None) -> None:
        """results.tsv deleted, emptied or written over."""
        if text is None:
            (self.root / "results.tsv").unlink(missing_ok=True)
        else:
            (self.root / "results.tsv").write_text(text)

    @rule()
    def repair(self) -> None:
        """A repair, after which there is none left to do; then the record and its views agree."""
        settled(self.root, branch=False)

    @invariant()
    def others_are_untouched(self) -> None:
        """Staged, unstaged and new files of a person are as they were."""
        assert of_a_person(self.root) == self.people

    def teardown(self) -> None:
        """At the end the run can always be brought to agree, and goes on."""
        settled(self.root, branch=False)
        (self.root / "train.py").write_text(version(999, "scores: 0.97"))
        said = step_refused(self.root)
        if said is not None:
            as_person(self.root)
            follow(self.root, said)
            (self.root / "train.py").write_text(version(999, "scores: 0.97"))
            assert step_refused(self.root) is None
        history, _ = settled(self.root)
        assert history.incumbent.source == version(999, "scores: 0.97")


def step_refused(root: Path) -> str | None:
    """Why a step is refused; None when it is not."""
    try:
        make_loop(root).step()
    except AutoresearchError as error:
        return str(error)
    return None


@pytest.mark.parametrize("examples", [12, pytest.param(400, marks=pytest.mark.slow)])
def test_any_order_of_commands_kills_and_edits(new_study: Callable[[str], Path], examples: int):
    """Whatever a person and a failing machine do in whatever order, nothing is lost and repair converges."""
    settings_ = settings(
        max_examples=examples, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lambda: Person(new_study), settings=settings_)
