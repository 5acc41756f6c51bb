"""Budgets and ends: a trial ends in time, with its memory, and nothing of it is left afterwards."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import boundary
import psutil
import pytest
from boundary import ALL, NONE, Study, attack, cells, constants, level_full, processes_with

from autoresearch.cells import LocalCells
from autoresearch.scorer import Scorer
from autoresearch.trial import Evaluation, State

SLOW = pytest.mark.slow
HONEST = attack("learns")
MEMORY = {"memory_gb": 0.25, "trial_seconds": 20}
SECONDS = 1.5
PATIENCE = 120.0
LATE = 10.0  # seconds beyond the budget that killing and clearing may take on a busy machine


@pytest.fixture
def mark() -> str:
    """A name that no other process has."""
    return f"AUTORESEARCH_ATTACK_{os.getpid()}_{time.monotonic_ns()}"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of noise with little time for a trial."""
    return Study(tmp_path / "study", budget={"trial_seconds": SECONDS})


@pytest.fixture
def small(tmp_path: Path) -> Study:
    """A study of noise with a quarter of a gigabyte for a fold."""
    return Study(tmp_path / "small", budget=MEMORY)


@pytest.fixture(autouse=True)
def _nothing_left(mark: str) -> Iterator[None]:
    """Whatever a test does, no process of it is alive afterwards and no file of it in the cells' folders."""
    yield
    assert processes_with(mark) == []
    for executor in (cells(ALL), cells(NONE)):
        for cell in executor._cells.values():
            assert [path for path in Path(cell.scratch).rglob("*") if path.name != "fold"] == []


def honest(scorer: Scorer) -> Evaluation:
    """An honest trial, with as much time as it may take on a busy machine."""
    patient = replace(scorer.study, budget=replace(scorer.study.budget, trial_seconds=PATIENCE))
    return replace(scorer, study=patient).evaluate(HONEST, 1)


def tried(scorer: Scorer, case: str, mark: str) -> Evaluation:
    """One repeat of an attack, then of an honest source, which scores as it did before, to the last digit."""
    before = honest(scorer)
    assert before.state is State.COMPLETE, before.error
    found = scorer.evaluate(attack("lasts") + constants(CASE=case, MARK=mark), 1)
    after = honest(scorer)
    assert after.scores == before.scores
    assert after.predictions == before.predictions
    return found


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("forever", ALL),
        ("swallow", ALL),
        ("one long call", NONE),
        *(
            pytest.param(case, wanted, marks=SLOW)
            for case, wanted in [
                ("one long call", ALL),
                ("stopped", ALL),
                ("long product", ALL),
                ("forever", NONE),
                ("swallow", NONE),
                ("stopped", NONE),
                ("long product", NONE),
            ]
        ),
    ],
)
def test_a_trial_ends_with_its_seconds(case: str, wanted: boundary.Mechanisms, study: Study, mark: str):
    """A loop, a long call in C, swallowed signals and a stopped process end as timed out, on time."""
    scorer = study.scorer(cells(wanted))
    before = honest(scorer)
    started = time.monotonic()
    found = scorer.evaluate(attack("lasts") + constants(CASE=case, MARK=mark), 1)
    assert time.monotonic() - started < SECONDS + LATE
    assert found.state is State.TIMED_OUT
    assert found.error == "the time was up"
    assert honest(scorer).scores == before.scores


def test_the_import_counts(study: Study):
    """A train.py that never comes to the end of its import has timed out."""
    assert study.scorer(level_full()).evaluate(attack("lasts_at_import"), 1).state is State.TIMED_OUT


@pytest.mark.parametrize("case", ["eat", "shared mapping", "by children", "undumpable eater"])
def test_memory_ends_a_trial_and_says_so(case: str, small: Study, mark: str):
    """Memory of its own, shared or of its children, beyond the budget is a crash whose reason names memory."""
    level_full()
    found = tried(small.scorer(cells(ALL)), case, mark)
    assert found.state is State.CRASHED
    assert found.error == "memory: train.py needs more than budget.memory_gb allows"


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("own folder", "No space left on device"),
        pytest.param("shared folder", "File too large", marks=SLOW),
        pytest.param("many files", "No space left on device", marks=SLOW),
        ("memory file", "Operation not permitted"),
        pytest.param("forks", "too many processes", marks=SLOW),
        pytest.param("threads", "can't start new thread", marks=SLOW),
    ],
)
def test_other_hoards_end_a_trial(case: str, reason: str, tmp_path: Path, mark: str):
    """Files, memory files, processes and threads without end are a crash that names them."""
    level_full()
    study = Study(tmp_path / "study", budget={"trial_seconds": 60})
    found = tried(study.scorer(cells(ALL)), case, mark)
    assert found.state is State.CRASHED
    assert reason in found.error


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("daemon", ALL),
        ("undumpable", ALL),
        ("subreaper", ALL),
        ("executed daemon", NONE),
        *(pytest.param(case, ALL, marks=SLOW) for case in ("executed daemon", "orphans", "traced", "renamed")),
        *(pytest.param(case, NONE, marks=SLOW) for case in ("daemon", "orphans", "traced", "renamed", "subreaper")),
    ],
)
def test_daemons_end_with_their_fold(case: str, wanted: boundary.Mechanisms, study: Study, mark: str):
    """Sessions of their own, blocked signals, lost parents and other names do not keep a process alive."""
    study = Study(study.root.parent / "longer", budget={"trial_seconds": 30})
    found = tried(study.scorer(cells(wanted)), case, mark)
    assert found.state is State.COMPLETE, found.error
    assert processes_with(mark) == []


def test_a_daemon_would_live_on(mark: str):
    """The same daemon, started by a plain process, does outlive it."""
    pid = os.fork()
    if pid == 0:
        names: dict[str, object] = {"__name__": "attack"}
        exec(compile(attack("lasts") + constants(MARK=mark), "lasts.py", "exec"), names)
        names["executed_daemon"]()  # type: ignore[operator]
        os._exit(0)
    os.waitpid(pid, 0)
    left = processes_with(mark)
    assert left
    for one in left:
        os.kill(one, signal.SIGKILL)
    while processes_with(mark):
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("kills itself", "killed by SIGKILL"),
        ("aborts", "killed by SIGABRT"),
        ("segmentation fault", "killed by SIGSEGV"),
        ("exits", "exit code 7"),
    ],
)
def test_deaths_are_named(case: str, reason: str, study: Study, mark: str):
    """A fold whose process dies is a crash that says of what."""
    found = tried(study.scorer(level_full()), case, mark)
    assert found.state is State.CRASHED
    assert found.error == f"train.py: its process ended without an answer ({reason})"


@pytest.mark.parametrize("case", ["kills all", "kills its parent", "kills the first", "kills the guard"])
def test_signals_to_the_harness_do_not_arrive(case: str, study: Study, mark: str):
    """A fold cannot signal the stem or the guard; at worst its own trial fails."""
    found = tried(study.scorer(level_full()), case, mark)
    assert found.state in (State.CRASHED, State.COMPLETE)


def test_output_without_end_is_drained(study: Study, mark: str):
    """A fold that prints without end has timed out, and its last words are kept, a few thousand letters."""
    found = tried(study.scorer(level_full()), "prints", mark)
    assert found.state is State.TIMED_OUT
    assert 0 < len(found.traceback) < 20_000


def test_a_killed_cell_costs_one_trial_at_most(study: Study):
    """After SIGKILL of a cell, whenever it comes, the next trial but one scores as before."""
    level_full()
    executor = LocalCells(1, ALL)
    try:
        scorer = study.scorer(executor)
        before = honest(scorer)
        executor._cells[0].process.kill()
        executor._cells[0].process.wait()
        assert honest(scorer).scores == before.scores, "between trials it costs nothing"
    finally:
        executor.close()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["cell", "stem", "guard"])
def test_a_harness_killed_in_a_trial_costs_that_trial(victim: str, tmp_path: Path, mark: str):
    """When the cell, the stem or the guard dies in a trial, that trial fails and nothing of it is left."""
    level_full()
    study = Study(tmp_path / "study", budget={"trial_seconds": 20})
    executor = LocalCells(1, ALL)
    try:
        scorer = study.scorer(executor)
        before = honest(scorer)
        cell = executor._cells[0].process.pid
        with _killer(cell, victim):
            found = scorer.evaluate(attack("lasts") + constants(CASE="swallow", MARK=mark), 1)
        assert found.state is State.CRASHED
        assert honest(scorer).scores == before.scores
    finally:
        executor.close()
    assert not psutil.pid_exists(cell)


def _killer(cell: int, victim: str) -> "_Killing":
    return _Killing(cell, victim)


class _Killing:
    """Kills a process below a cell a moment after a fold began, from a process of its own."""

    def __init__(self, cell: int, victim: str) -> None:
        self.cell, self.victim = cell, victim

    def __enter__(self) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._kill()
            finally:
                os._exit(0)

    def _kill(self) -> None:
        depth = {"cell": 0, "stem": 2, "guard": 3}[self.victim]
        for _ in range(500):
            time.sleep(0.01)
            with suppress(psutil.NoSuchProcess):  # worlds come and go while one looks
                chain = [psutil.Process(self.cell)]
                while chain[-1].children() and len(chain) <= depth:
                    chain.append(min(chain[-1].children(), key=lambda child: child.pid))
                if len(chain) > depth and (self.victim != "guard" or len(chain[2].children()) > 1):
                    time.sleep(0.3)
                    chain[depth].kill()
                    return

    def __exit__(self, *_: object) -> None:
        os.waitpid(self.pid, 0)


@pytest.mark.slow
def test_closing_leaves_no_process():
    """Closing cells ends them and all below them, and takes their folder away."""
    executor = LocalCells(2, NONE)
    with executor.hold():
        pass
    pids = [cell.process.pid for cell in executor._cells.values()]
    folder = Path(executor._scratch)
    executor.close()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not folder.exists()
