"""Where folds run: the seam between the scorer and the processes that execute train.py.

A new executor is a class with the methods of `Executor` and an entry in its contract test.
"""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from autoresearch.cell import CANCEL, READY, Frame, read_frame, write_message
from autoresearch.errors import AutoresearchError
from autoresearch.fold import Failure, FoldTask, answer, failure
from autoresearch.source import imported_packages

__all__ = ["Executor", "InProcess", "LocalCells", "cores"]

ANSWER_BYTES_PER_NUMBER = 8
CANCEL_SECONDS = 5.0  # a cell kills its child within milliseconds


class Executor(Protocol):
    """Runs folds and yields their answers as they come; called by the scorer alone."""

    isolation: str
    """The level that this executor reaches: full, partial, process or none."""

    def warm(self, source: str) -> None:
        """Get ready for `source` before its clock starts: processes up."""
        ...

    def run(self, tasks: Iterable[FoldTask], deadline: float) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Run `tasks`, in order, until `deadline` (monotonic seconds).

        Yields the key and the frame of each fold as it ends. A fold that is not done by the deadline
        yields a `Failure` with ``timed_out``; the tasks after it are not begun. Closing the iterator
        ends whatever still runs.
        """
        ...

    def close(self) -> None:
        """Leave no process behind."""
        ...


class InProcess:
    """Runs folds in this very process: for tests of what is above, isolates nothing."""

    isolation = "none"

    def warm(self, source: str) -> None:
        """Nothing to start."""

    def run(self, tasks: Iterable[FoldTask], deadline: float) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Run one fold after the other; the deadline is looked at between folds only."""
        for task in tasks:
            result: np.ndarray | Failure
            started = time.process_time()
            if time.monotonic() >= deadline:
                result = Failure("the time was up before the fold began", "", timed_out=True)
            else:
                try:
                    result = answer(task)
                except BaseException as error:
                    result = failure(error)
            yield task.key, (result, time.process_time() - started, 0.0)

    def close(self) -> None:
        """Nothing runs."""


class LocalCells:
    """One warm process per core, each forking a child per fold.

    Parameters
    ----------
    count
        Cells; by default one per core this process may use.
    """

    isolation = "process"

    def __init__(self, count: int | None = None) -> None:
        self.count = count or cores()
        self._cells: list[subprocess.Popen[bytes]] = []

    def run(self, tasks: Iterable[FoldTask], deadline: float) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Deal the tasks to the cells as these become free."""
        self.warm("")
        pending = iter(tasks)
        taking = threading.Lock()
        stopping = threading.Event()
        answers: queue.Queue[tuple[tuple[int, int], Frame] | None] = queue.Queue()

        def serve(cell: subprocess.Popen[bytes]) -> None:
            try:
                while not stopping.is_set():
                    with taking:
                        task = next(pending, None)
                    if task is None:
                        return
                    frame = self._ask(cell, task, deadline)
                    answers.put((task.key, frame))
                    if isinstance(frame[0], Failure):
                        return
            finally:
                answers.put(None)

        threads = [threading.Thread(target=serve, args=(cell,), daemon=True) for cell in self._cells]
        for thread in threads:
            thread.start()
        try:
            working = len(threads)
            while working:
                item = answers.get()
                if item is None:
                    working -= 1
                else:
                    yield item
        finally:
            stopping.set()
            self._cancel(threads)

    def _ask(self, cell: subprocess.Popen[bytes], task: FoldTask, deadline: float) -> Frame:
        assert cell.stdin
        assert cell.stdout
        seconds = max(0.0, deadline - time.monotonic())
        answer_bytes = ANSWER_BYTES_PER_NUMBER * len(task.X_valid) * max(1, task.classes)
        try:
            write_message(cell.stdin, (imported_packages(task.source), task, (seconds, answer_bytes)))
            return read_frame(cell.stdout)
        except (EOFError, OSError, ValueError):
            return Failure("the cell that ran the fold died; the next trial gets a new one", ""), 0.0, 0.0

    def _cancel(self, threads: list[threading.Thread]) -> None:
        """End the folds that nobody waits for; a cell that does not comply is killed."""
        patience = time.monotonic() + CANCEL_SECONDS
        while any(thread.is_alive() for thread in threads):
            if time.monotonic() > patience:
                self.close()
            for cell in self._cells:
                if cell.poll() is None:
                    cell.send_signal(CANCEL)
            for thread in threads:
                thread.join(0.02)

    def warm(self, source: str) -> None:  # noqa: ARG002 - a fold's message says what to import
        """Start the cells that are missing, and wait until each has done its imports."""
        self._cells = [cell for cell in self._cells if cell.poll() is None]
        environment = {**os.environ, **_single_threaded()}
        fresh: list[subprocess.Popen[bytes]] = []
        while len(self._cells) + len(fresh) < self.count:
            command = [sys.executable, "-m", "autoresearch.cell"]
            cell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            fresh.append(cell)
        for cell in fresh:
            assert cell.stdout
            if cell.stdout.read(len(READY)) != READY:
                raise AutoresearchError("a cell did not start; `python -m autoresearch.cell` says why")
        self._cells += fresh

    def close(self) -> None:
        """Kill the cells; their children die with them."""
        for cell in self._cells:
            cell.kill()
            cell.wait()
        self._cells = []


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _single_threaded() -> dict[str, str]:
    """One thread per cell: two processes at default thread counts slow each other more than tenfold."""
    names = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    return dict.fromkeys(names, "1")
