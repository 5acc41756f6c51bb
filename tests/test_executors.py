"""The contract of executors: every one runs folds, in order, keyed, complete, with failures as `Failure`."""

import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import boundary
import numpy as np
import psutil
import pytest
from boundary import ALL, ROWS, attack, cells, noise, two_folds

from autoresearch.cells import LocalCells
from autoresearch.executors import Answer, Cancel, Executor, Frame, InProcess, TrialTask, deal
from autoresearch.fold import Failure, FoldTask
from autoresearch.matrix import Matrix
from autoresearch.workers import SingleUseWorkers

HONEST = attack("learns")
KINDS = {
    "InProcess": InProcess,
    "LocalCells": lambda: cells(ALL),
    "LocalCells, two": lambda: cells(ALL, 2),
    "SingleUseWorkers": lambda: SingleUseWorkers(1),
}
PROCESSES = ["LocalCells", pytest.param("SingleUseWorkers", marks=pytest.mark.slow)]


@pytest.fixture(
    scope="module", params=[*list(KINDS)[:2], *(pytest.param(kind, marks=pytest.mark.slow) for kind in list(KINDS)[2:])]
)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """One of each kind, warm."""
    found: Executor = KINDS[request.param]()
    with found.hold():
        pass
    yield found
    if request.param == "SingleUseWorkers":
        found.close()


@pytest.fixture
def matrix() -> Iterator[Matrix]:
    """Features of noise."""
    X, _ = noise()
    found = Matrix(X, np.arange(len(X)))
    yield found
    found.close()


def folds(source: str, count: int = 3) -> list[FoldTask]:
    """So many folds over the same rows."""
    _, y = noise()
    first = two_folds(source, y)[0]
    return [replace(first, key=(1, fold)) for fold in range(count)]


@pytest.fixture(params=PROCESSES)
def processes(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """An executor whose folds are processes."""
    found: Executor = cells(ALL) if request.param == "LocalCells" else SingleUseWorkers(1)
    yield found
    if request.param != "LocalCells":
        found.close()


def run(
    executor: Executor, matrix: Matrix, tasks: list[FoldTask], seconds: float = 60.0
) -> list[tuple[tuple[int, int], Frame]]:
    """All that a trial yields."""
    with running(executor, matrix, tasks, seconds) as answers:
        return list(answers)


@contextmanager
def running(
    executor: Executor, matrix: Matrix, tasks: Iterable[FoldTask], seconds: float = 60.0
) -> Iterator[Generator[Answer, None, None]]:
    """A trial under way."""
    with executor.hold() as places, closing(Cancel()) as cancel:
        yield places.run(TrialTask(HONEST, matrix), tasks, time.monotonic() + seconds, cancel)


class TestContract:
    def test_every_fold_is_answered_once(self, executor: Executor, matrix: Matrix):
        """Each key comes back once, with float64 predictions of the promised shape, seconds and megabytes."""
        found = run(executor, matrix, folds(HONEST, 5))
        assert sorted(key for key, _ in found) == [(1, fold) for fold in range(5)]
        for _, (answer, cpu, peak) in found:
            assert isinstance(answer, np.ndarray), answer
            assert answer.dtype == np.float64
            assert answer.shape == (ROWS,)
            assert 0 <= cpu < 60
            assert 0 <= peak < 8_000

    def test_one_at_a_time_keeps_the_order(self, executor: Executor, matrix: Matrix):
        """An executor that runs one fold at a time yields them in the order in which they were dealt."""
        found = [key for key, _ in run(executor, matrix, folds(HONEST, 4))]
        if getattr(executor, "_count", 1) == 1:
            assert found == sorted(found)

    def test_folds_are_dealt_lazily(self, executor: Executor, matrix: Matrix):
        """Folds are drawn as they are begun, so that none is prepared that will not run."""
        drawn: list[int] = []

        def dealt() -> Iterator[FoldTask]:
            for number, task in enumerate(folds(HONEST, 50)):
                drawn.append(number)
                yield task

        with running(executor, matrix, dealt()) as answers:
            next(answers)
            answers.close()
        assert len(drawn) < 25

    def test_the_same_again_to_the_last_digit(self, executor: Executor, matrix: Matrix):
        """The same fold gives the same bytes, and the numbers of every other executor."""
        first, second = (dict(run(executor, matrix, folds(HONEST, 2))) for _ in range(2))
        plain = dict(run(InProcess(), matrix, folds(HONEST, 2)))
        for key, (answer, _, _) in first.items():
            assert isinstance(answer, np.ndarray)
            assert np.array_equal(answer, second[key][0])
            assert np.allclose(answer, plain[key][0], rtol=1e-9), "but for the number of threads"

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("1 / 0\n", "train.py:1: ZeroDivisionError: division by zero"),
            ("def feature_fn(X):\n    return X\n", "train.py: build_pipeline() is missing; define it at the top level"),
            ("import sys\nsys.exit(3)\n", "train.py:2: it called exit(3) instead of answering"),
            ("x = (\n", "train.py:1: SyntaxError: '(' was never closed"),
            ("raise KeyboardInterrupt\n", "train.py:1: KeyboardInterrupt: "),
        ],
    )
    def test_failures_are_one_line(self, executor: Executor, matrix: Matrix, source: str, message: str):
        """What train.py raises comes back as a failure: one line that says where, and a traceback."""
        ((_, (found, _, _)),) = run(executor, matrix, folds(source, 1))
        assert isinstance(found, Failure)
        assert found.message.strip() == message.strip()
        assert not found.timed_out

    def test_a_fold_after_the_deadline_is_late(self, executor: Executor, matrix: Matrix):
        """When the time is up before a fold begins, it comes back as timed out."""
        found = run(executor, matrix, folds(HONEST, 1), seconds=-1.0)
        assert [frame[0].timed_out for _, frame in found if isinstance(frame[0], Failure)] == [True]

    def test_nothing_to_do_is_done(self, executor: Executor, matrix: Matrix):
        """A trial without folds yields nothing."""
        with running(executor, matrix, []) as answers:
            assert list(answers) == []

    def test_the_next_trial_is_none_the_wiser(self, executor: Executor, matrix: Matrix):
        """After a failure, a close and a late fold, the next trial answers as ever."""
        before = dict(run(executor, matrix, folds(HONEST, 1)))
        run(executor, matrix, folds("1 / 0\n", 1))
        with running(executor, matrix, folds(HONEST, 3)) as answers:
            next(answers)
            answers.close()
        run(executor, matrix, folds(HONEST, 1), seconds=-1.0)
        after = dict(run(executor, matrix, folds(HONEST, 1)))
        assert np.array_equal(before[1, 0][0], after[1, 0][0])

    def test_the_level_is_named(self, executor: Executor):
        """The level is one of the words that a trial records."""
        assert executor.isolation in ("full", "partial", "process", "none")


class TestProcesses:
    def test_closing_the_iterator_ends_what_runs(self, processes: Executor, matrix: Matrix):
        """A trial that nobody listens to any more ends at once, however long its folds would run."""
        slow = attack("lasts", CASE="swallow", MARK="NOBODY_LISTENS")
        tasks = [*folds(HONEST, 1), *(replace(task, source=slow, key=(2, 0)) for task in folds(slow, 1))]
        with running(processes, matrix, tasks) as answers:
            next(answers)
            time.sleep(0.2)
            started = time.monotonic()
            answers.close()
            assert time.monotonic() - started < 5
        assert boundary.processes_with("NOBODY_LISTENS") == []

    def test_a_late_fold_ends_and_the_rest_is_not_begun(self, processes: Executor, matrix: Matrix):
        """The fold that runs at the deadline comes back as timed out, and none after it."""
        slow = attack("lasts", CASE="forever")
        started = time.monotonic()
        found = run(processes, matrix, folds(slow, 3), seconds=1.0)
        assert time.monotonic() - started < 8
        assert len(found) == 1
        assert isinstance(found[0][1][0], Failure)
        assert found[0][1][0].timed_out

    @pytest.mark.parametrize("kind", PROCESSES)
    def test_closing_leaves_no_process(self, kind: str, matrix: Matrix):
        """After close no process of the executor is alive, and it can be closed again."""
        own: Executor = LocalCells(1, ALL) if kind == "LocalCells" else SingleUseWorkers(1)
        before = below()
        run(own, matrix, folds(HONEST, 2))
        assert below() - before
        own.close()
        own.close()
        time.sleep(0.1)
        assert below() - before == set()


def below() -> set[psutil.Process]:
    """All processes below this one that are no zombies."""
    found = psutil.Process(os.getpid()).children(recursive=True)
    return {child for child in found if child.is_running() and child.status() != psutil.STATUS_ZOMBIE}


def test_a_source_of_very_many_imports_runs():
    """What is imported ahead has a limit: a cell's opening is one message."""
    names = "\n".join(f"    import {'x' * 40}{number}" for number in range(20_000))
    source = f"{boundary.attack('row_numbers')}\n\ndef never():\n{names}\n"
    found = boundary.answers(boundary.cells(boundary.NONE), source)
    assert all(not isinstance(answer, Failure) for answer in found.values())


def test_two_trials_at_the_same_time_hold_different_cells(matrix: Matrix):
    """Trials of one place each run side by side, and answer as they do alone; one that wants all waits for both."""
    executor = cells(ALL, 2)
    alone = dict(run(executor, matrix, folds(HONEST, 2)))
    with executor.hold(1) as first, executor.hold(1) as second, closing(Cancel()) as cancel:
        assert {cell.process.pid for cell in first.cells} != {cell.process.pid for cell in second.cells}
        deadline = time.monotonic() + 60
        both = [place.run(TrialTask(HONEST, matrix), folds(HONEST, 2), deadline, cancel) for place in (first, second)]
        for key, frame in (*both[0], *both[1]):
            assert np.array_equal(frame[0], alone[key][0])
        waiting = threading.Thread(target=run, args=(executor, matrix, folds(HONEST, 1)))
        waiting.start()
        time.sleep(0.1)
        assert waiting.is_alive()
    waiting.join(30)
    assert not waiting.is_alive()


def test_cancelled_trial_says_so_and_leaves_the_cell_usable(matrix: Matrix):
    """A call from another thread ends the fold under way as timed out; the next trial runs."""
    executor, slow = cells(ALL), attack("lasts", CASE="swallow", MARK="CANCELLED")
    with executor.hold() as places, closing(Cancel()) as cancel:
        threading.Timer(0.5, cancel).start()
        answers = places.run(TrialTask(slow, matrix), folds(slow, 3), time.monotonic() + 60, cancel)
        ((_, (found, _, _)),) = answers
    assert isinstance(found, Failure)
    assert found.timed_out
    assert len(run(executor, matrix, folds(HONEST, 2))) == 2


def test_error_of_the_harness_itself_is_raised(matrix: Matrix):
    """What goes wrong between scorer and fold ends the trial with that error; no fold is silently missing."""

    def broken(_: FoldTask, __: int) -> Frame:
        raise SystemError("of ours")

    with closing(Cancel()) as cancel, pytest.raises(SystemError, match="of ours"):
        list(deal(folds(HONEST, 3), [broken, broken], cancel))
