"""Where folds run: the seam between the scorer and the processes that execute train.py.

A new executor is a class with the methods of `Executor` and an entry in its contract test.
"""

import json
import os
import pickle
import queue
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from autoresearch.cell import CANCEL, Ended, Opening
from autoresearch.errors import AutoresearchError
from autoresearch.exchange import cores, environment, exchange, explained
from autoresearch.fold import Failure, FoldTask, answer, failure
from autoresearch.isolation import ALL, Mechanisms
from autoresearch.matrix import Matrix
from autoresearch.source import imported_packages

__all__ = ["Executor", "Frame", "InProcess", "LocalCells", "TrialTask"]

Frame = tuple[np.ndarray | Failure, float, float]
"""Answer or failure, CPU seconds, peak MB."""
PATIENCE = 5.0  # seconds for what a cell does in milliseconds


@dataclass(frozen=True)
class TrialTask:
    """What all folds of a trial share.

    Parameters
    ----------
    source
        Text of train.py.
    matrix
        The features.
    memory_bytes
        What a fold's processes may use beyond what they inherit.
    readable
        Absolute paths of files that the study grants.
    """

    source: str
    matrix: Matrix
    memory_bytes: int = 4 << 30
    readable: list[str] = field(default_factory=list)


class Executor(Protocol):
    """Runs folds and yields their answers as they come; called by the scorer alone, one trial at a time."""

    @property
    def isolation(self) -> str:
        """The level that was reached: full, partial, process, or none."""
        ...

    def warm(self) -> None:
        """Get ready before a trial's clock starts."""
        ...

    def run(
        self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float
    ) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Run `folds`, in order, until `deadline` (monotonic seconds).

        Yields the key and the frame of each fold as it ends. A fold that is not done by the deadline
        yields a `Failure` with ``timed_out``; the folds after it are not begun. Closing the iterator
        ends whatever still runs.
        """
        ...

    def close(self) -> None:
        """Leave no process behind."""
        ...


class InProcess:
    """Runs folds in this very process: for tests of what is above, isolates nothing."""

    isolation = "none"

    def warm(self) -> None:
        """Nothing to start."""

    def run(
        self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float
    ) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Run one fold after the other; the deadline is looked at between folds only."""
        for task in folds:
            result: np.ndarray | Failure
            started = time.process_time()
            if time.monotonic() >= deadline:
                result = Failure("the time was up before the fold began", "", timed_out=True)
            else:
                try:
                    result = answer(task, trial.matrix.frame)
                except BaseException as error:
                    result = failure(error)
            yield task.key, (result, time.process_time() - started, 0.0)

    def close(self) -> None:
        """Nothing runs."""


class _Cell:
    """The scorer's end of one cell."""

    def __init__(self, core: int, wanted: Mechanisms, scratch: str) -> None:
        self.scratch = scratch
        Path(scratch).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(theirs.fileno()), str(core), json.dumps(asdict(wanted)), scratch]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autoresearch.cell", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
            pass_fds=[theirs.fileno()],
            cwd="/",
        )
        theirs.close()
        self.orders: socket.socket | None = None

    def ready(self) -> Mechanisms:
        """Wait for the imports; gives the mechanisms that work."""
        message = self.control.recv(1 << 16)
        if not message:
            raise AutoresearchError("a cell did not start; `uv run autoresearch doctor` looks for the cause")
        return Mechanisms(**json.loads(message))

    def open(self, trial: TrialTask) -> None:
        """Begin a trial."""
        opening = Opening(self.scratch, imported_packages(trial.source), trial.memory_bytes, trial.readable)
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps(asdict(opening)).encode()
        socket.send_fds(self.control, [message], [theirs.fileno(), trial.matrix.fd])
        theirs.close()
        if self.orders.recv(64) != b"ready":
            raise EOFError

    def ask(self, task: FoldTask, deadline: float, cancelled: int) -> Frame:
        """Have one fold run; comes back when all its processes are gone."""
        assert self.orders
        ours, theirs = socket.socketpair()
        with ours:
            socket.send_fds(self.orders, [b"fold"], [theirs.fileno()])
            theirs.close()
            result = exchange(ours, pickle.dumps(task, protocol=5), task.answer_bytes, deadline, cancelled)
        self.orders.send(b"end")
        self.orders.settimeout(PATIENCE)
        ended = Ended(**json.loads(self.orders.recv(1 << 16)))
        return explained(result, ended), ended.cpu_s, ended.peak_mb

    def close_trial(self) -> None:
        """End the trial; the cell stays warm."""
        if self.orders is None:
            return
        self.orders.close()
        self.orders = None
        self.control.settimeout(PATIENCE)
        try:
            if self.control.recv(64) != b"closed":
                raise EOFError
        except TimeoutError:
            self.process.send_signal(CANCEL)
            self.control.recv(64)
        finally:
            self.control.settimeout(None)

    def kill(self) -> None:
        """End the cell and all that is in it."""
        if self.orders:
            self.orders.close()
        self.process.kill()
        self.process.wait()
        self.control.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


class LocalCells:
    """One warm, pinned cell per core.

    Parameters
    ----------
    count
        Cells; by default one per core this process may use.
    wanted
        Mechanisms to use where they work.
    """

    def __init__(self, count: int | None = None, wanted: Mechanisms = ALL) -> None:
        self.wanted = wanted
        self.mechanisms: Mechanisms | None = None
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1] * cores()
        self._count = count or len(self._cores)
        self._cells: list[_Cell] = []
        self._cancel = -1
        self._scratch = tempfile.mkdtemp(prefix="autoresearch-")

    @property
    def isolation(self) -> str:
        """The level that all cells reach; before any was started, what is wanted."""
        return (self.mechanisms or self.wanted).level

    def warm(self) -> None:
        """Start the cells that are missing, and wait until each has done its imports."""
        alive = [cell for cell in self._cells if cell.process.poll() is None]
        for cell in self._cells:
            if cell not in alive:
                cell.kill()
        self._cells = alive
        fresh: list[_Cell] = []
        for number in range(len(alive), self._count):
            taken = {cell.scratch for cell in [*alive, *fresh]}
            place = next(path for i in range(self._count) if (path := f"{self._scratch}/{i}") not in taken)
            core = self._cores[int(place.rsplit("/", 1)[1]) % len(self._cores)]
            fresh.append(_Cell(core if number < len(self._cores) else -1, self.wanted, place))
        for cell in fresh:
            found = cell.ready()
            self.mechanisms = found if self.mechanisms is None else self.mechanisms.without(found)
        self._cells += fresh

    def run(
        self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float
    ) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Deal the folds to the cells as these become free."""
        self.warm()
        pending, taking = iter(folds), threading.Lock()
        cancelled, self._cancel = os.pipe()
        answers: queue.Queue[tuple[tuple[int, int], Frame] | None] = queue.Queue()

        def serve(cell: _Cell) -> None:
            task = None
            try:
                while True:
                    with taking:
                        task = next(pending, None)
                    if task is None or select.select([cancelled], [], [], 0)[0]:
                        return
                    if cell.orders is None:
                        cell.open(trial)
                    frame = cell.ask(task, deadline, cancelled)
                    answers.put((task.key, frame))
                    if isinstance(frame[0], Failure):
                        return
            except (EOFError, OSError, ValueError, TypeError):
                cell.kill()
                if task is not None:
                    died = Failure("the cell that ran the fold died; the next trial gets a new one", "")
                    answers.put((task.key, (died, 0.0, 0.0)))
            finally:
                try:
                    cell.close_trial()
                except (EOFError, OSError):
                    cell.kill()
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
            self.cancel()
            for thread in threads:
                thread.join()
            cancel, self._cancel = self._cancel, -1
            os.close(cancel)
            os.close(cancelled)

    def cancel(self) -> None:
        """End the trial under way, from whichever thread: its folds come back as timed out."""
        if self._cancel >= 0:
            os.write(self._cancel, b"x")

    def close(self) -> None:
        """Kill the cells; all that they forked dies with them."""
        for cell in self._cells:
            cell.kill()
        self._cells = []
        shutil.rmtree(self._scratch, ignore_errors=True)
