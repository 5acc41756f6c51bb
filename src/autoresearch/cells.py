"""The scorer's end of the cells: starts them, deals the folds of a trial to them, ends them."""

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psutil

from autoresearch.errors import AutoresearchError
from autoresearch.exchange import environment, exchange, explained
from autoresearch.executors import Answers, Cancel, Frame, TrialTask, deal
from autoresearch.fold import Failure, FoldTask
from autoresearch.frames import CANCEL, Ended, Opening
from autoresearch.isolation import ALL, Mechanisms
from autoresearch.source import imported_packages

__all__ = ["LocalCells"]

MODULES, NAME_LENGTH = 256, 128  # that are imported ahead: the opening is one message
PATIENCE = 5.0  # seconds for what a cell does in milliseconds


class _Nursery:
    """The scorer's end of the process that does the imports, once, and forks the cells."""

    def __init__(self, wanted: Mechanisms, scratch: str) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autoresearch.cell", str(theirs.fileno()), json.dumps(asdict(wanted)), scratch],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
            pass_fds=[theirs.fileno()],
            cwd="/",
        )
        theirs.close()
        self._mechanisms: Mechanisms | None = None
        self._turn = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether it can fork another cell."""
        return self._process.poll() is None

    def ready(self) -> Mechanisms:
        """Wait for the imports; gives the mechanisms that work."""
        with self._turn:
            if self._mechanisms is None:
                self._mechanisms = Mechanisms(**json.loads(self._reply()))
            return self._mechanisms

    def fork(self, core: int, control: socket.socket) -> int:
        """Fork a cell on a core that serves `control`; gives its process number."""
        with self._turn:
            socket.send_fds(self._requests, [str(core).encode()], [control.fileno()])
            return int(self._reply())

    def _reply(self) -> bytes:
        message = self._requests.recv(1 << 16)
        if not message:
            raise BrokenPipeError
        return message

    def close(self) -> None:
        """End it, and the cells with it."""
        self._requests.close()
        self._process.kill()
        self._process.wait()


class _Cell:
    """The scorer's end of one cell."""

    def __init__(self, nursery: _Nursery, core: int, scratch: str) -> None:
        self.scratch = scratch
        Path(scratch).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = psutil.Process(nursery.fork(core, theirs))
        if self.control.recv(64) != b"ready":
            raise BrokenPipeError
        self.orders: socket.socket | None = None
        self._trial: TrialTask | None = None
        self._closing = False

    def alive(self) -> bool:
        """Whether it can take another trial; waits for the end of the one before."""
        with suppress(OSError):
            return self.process.is_running() and (not self._closing or self._closed())
        return False

    def serve(self, trial: TrialTask, deadline: float, task: FoldTask, cancelled: int) -> Frame:
        """Run a fold of `trial`, which begins with it; a cell that dies takes the fold with it and nothing else."""
        try:
            if self._trial is not trial:
                self.close_trial()
                self.open(trial)
            return self.ask(task, deadline, cancelled)
        except (EOFError, OSError, ValueError, TypeError):
            self.kill()
            return Failure("the cell that ran the fold died; the next trial gets a new one", ""), 0.0, 0.0

    def open(self, trial: TrialTask) -> None:
        """Begin a trial, in a world of its own."""
        if self._closing and not self._closed():
            raise EOFError
        modules = [name for name in imported_packages(trial.source) if len(name) <= NAME_LENGTH][:MODULES]
        opening = Opening(self.scratch, modules, trial.memory_bytes, trial.readable, trial.hidden)
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps(asdict(opening)).encode()
        socket.send_fds(self.control, [message], [theirs.fileno(), trial.matrix.fd])
        theirs.close()
        if self.orders.recv(64) != b"ready":
            raise EOFError
        self._trial = trial

    def ask(self, task: FoldTask, deadline: float, cancelled: int) -> Frame:
        """Have one fold run; comes back when all its processes are gone."""
        assert self.orders
        orders = self.orders  # which a service that is told to end takes away meanwhile
        ours, theirs = socket.socketpair()
        with ours:
            socket.send_fds(orders, [b"fold"], [theirs.fileno()])
            theirs.close()
            result = exchange(ours, pickle.dumps(task, protocol=5), task.answer_bytes, deadline, cancelled)
        orders.send(b"end")
        orders.settimeout(PATIENCE)
        ended = Ended(**json.loads(orders.recv(1 << 16)))
        return explained(result, ended), ended.cpu_s, ended.peak_mb

    def close_trial(self) -> None:
        """End the trial; the cell stays warm, and takes down the empty world while the scorer goes on."""
        if self.orders is not None:
            self.orders.close()
            self.orders, self._trial, self._closing = None, None, True

    def _closed(self) -> bool:
        """Wait for the end of the trial before; whether it came."""
        self._closing = False
        self.control.settimeout(PATIENCE)
        try:
            return self.control.recv(64) == b"closed"
        except TimeoutError:
            self.process.send_signal(CANCEL)
            return self.control.recv(64) == b"closed"
        finally:
            self.control.settimeout(None)

    def kill(self) -> None:
        """End the cell and all that is in it."""
        if self.orders:
            self.orders.close()
            self.orders = self._trial = None
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            self.process.kill()
            self.process.wait(PATIENCE)
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
        self._cores = sorted(os.sched_getaffinity(0))
        self._count = count or len(self._cores)
        self._nursery: _Nursery | None = None
        self._cells: dict[int, _Cell] = {}
        self._held: set[int] = set()
        self._waiting: deque[object] = deque()
        self._change = threading.Condition()
        self._scratch = tempfile.mkdtemp(prefix="autoresearch-")

    @property
    def isolation(self) -> str:
        """The level that all cells reach; before any was started, what is wanted."""
        return (self.mechanisms or self.wanted).level

    def spawn(self) -> None:
        """Start what the cells are forked from, where it is not there."""
        with self._change:
            if self._nursery is None or not self._nursery.alive:
                if self._nursery:
                    self._nursery.close()
                self._nursery = _Nursery(self.wanted, self._scratch)

    @contextmanager
    def hold(self, width: int | None = None) -> Iterator["_Places"]:
        """Wait for free cells, in the order of asking, and for the imports of those that are new."""
        numbers = self._take(min(width or self._count, self._count))
        held = list[_Cell]()
        try:
            held.extend(map(self._ready, numbers))
            yield _Places(held)
        finally:
            for cell in held:
                cell.close_trial()
            with self._change:
                self._held.difference_update(numbers)
                self._change.notify_all()

    def _take(self, width: int) -> list[int]:
        self.spawn()
        turn = object()
        with self._change:
            self._waiting.append(turn)
            self._change.wait_for(lambda: self._waiting[0] is turn and self._count - len(self._held) >= width)
            self._waiting.popleft()
            numbers = [number for number in range(self._count) if number not in self._held][:width]
            self._held.update(numbers)
            self._change.notify_all()
        return numbers

    def _ready(self, number: int) -> _Cell:
        """The cell, or a new one where it is not there or does not answer any more."""
        cell = self._cells.get(number)
        if cell is None or not cell.alive():
            if cell:
                cell.kill()
            cell = self._cells[number] = self._new(number)
        return cell

    def _new(self, number: int) -> _Cell:
        for _ in range(2):  # the nursery may have been killed a moment ago
            nursery = self._nursery
            assert nursery
            try:
                self.mechanisms = nursery.ready()
                return _Cell(nursery, self._cores[number % len(self._cores)], f"{self._scratch}/{number}")
            except (OSError, psutil.NoSuchProcess):
                nursery.close()
                self.spawn()
        raise AutoresearchError("the cells did not start; `uv run autoresearch doctor` looks for the cause")

    def close(self) -> None:
        """Kill the cells; all that they forked dies with them."""
        if self._nursery:
            self._nursery.close()
        for cell in self._cells.values():
            cell.kill()
        self._nursery, self._cells = None, {}
        shutil.rmtree(self._scratch, ignore_errors=True)


@dataclass(frozen=True)
class _Places:
    """Cells that one trial holds."""

    cells: list[_Cell]

    def run(self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float, cancel: Cancel) -> Answers:
        """Deal the folds to the cells as these become free."""
        return deal(folds, [partial(cell.serve, trial, deadline) for cell in self.cells], cancel)
