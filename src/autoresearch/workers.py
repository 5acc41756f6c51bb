"""Single-use workers: where forking after heavy imports is not safe (macOS), each fold gets a process of its own.

A worker is spawned ahead of time, does its imports, waits for one fold, answers and dies. On macOS it is
started under sandbox-exec with the profile `macos.sb`; elsewhere this executor runs without confinement, which
is how its logic is tested.
"""

import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
import psutil

from autoresearch.confinement import masked
from autoresearch.exchange import cores, environment, exchange, explained
from autoresearch.executors import Answers, Cancel, Frame, TrialTask, deal
from autoresearch.fold import FoldTask
from autoresearch.frames import Ended
from autoresearch.isolation import Mechanisms

__all__ = ["SingleUseWorkers", "profile"]

WATCH_SECONDS = 0.05


class _Worker:
    """One process for one fold."""

    def __init__(self, *, sandboxed: bool) -> None:
        self.folder = tempfile.mkdtemp(prefix="autoresearch-fold-")
        self.scorer, theirs = socket.socketpair()
        command = [sys.executable, "-m", "autoresearch.worker", str(theirs.fileno()), self.folder]
        if sandboxed:
            command = ["/usr/bin/sandbox-exec", "-p", profile(self.folder), *command]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment() | {"TMPDIR": self.folder, "HOME": self.folder},
            pass_fds=[theirs.fileno()],
            cwd=self.folder,
            start_new_session=True,
        )
        theirs.close()

    def ask(self, trial: TrialTask, task: FoldTask, deadline: float, cancelled: int) -> Frame:
        """Have the fold run; comes back when all its processes are gone."""
        for path in trial.readable:
            Path(self.folder, Path(path).name).symlink_to(path)
        done, reason = threading.Event(), list[str]()
        watcher = threading.Thread(target=self._watch, args=(trial.memory_bytes, done, reason), daemon=True)
        watcher.start()
        rows = np.concatenate([task.rows_train, task.rows_valid])
        own = replace(
            task, rows_train=np.arange(len(task.rows_train)), rows_valid=np.arange(len(task.rows_train), len(rows))
        )
        message = pickle.dumps((own, trial.matrix.frame.iloc[rows]), protocol=5)
        result = exchange(self.scorer, message, task.answer_bytes, deadline, cancelled)
        done.set()
        watcher.join()
        cpu, peak = self._used()
        self.kill()
        ended = Ended(cpu, peak, reason[0] if reason else f"exit code {self.process.returncode}", "")
        return explained(result, ended), cpu, peak

    def _watch(self, limit: int, done: threading.Event, reason: list[str]) -> None:
        """Kill the worker when it and its children use more memory than they may."""
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self.process.pid).memory_info().rss
            while not done.wait(WATCH_SECONDS):
                if sum(process.memory_info().rss for process in self._tree()) - own > limit:
                    reason.append("memory")
                    self._kill_tree()
                    return

    def _tree(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.process.pid)
            return [found, *found.children(recursive=True)]
        return []

    def _used(self) -> tuple[float, float]:
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.process.pid)
            times = found.cpu_times()
            return times.user + times.system, found.memory_info().rss / (1 << 20)
        return 0.0, 0.0

    def _kill_tree(self) -> None:
        tree = self._tree()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in tree:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def kill(self) -> None:
        """End it and what it started."""
        self._kill_tree()
        self.process.wait()
        self.scorer.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class SingleUseWorkers:
    """Spawns workers ahead of the folds that will use them up.

    Parameters
    ----------
    count
        Folds that run at a time, and workers that wait for one.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count or cores()
        self._sandboxed = sys.platform == "darwin" and Path("/usr/bin/sandbox-exec").exists()
        self._waiting: deque[_Worker] = deque()
        self._taking, self._asking = threading.Lock(), threading.Lock()
        self._free = threading.Semaphore(self._count)

    @property
    def isolation(self) -> str:
        """Partial under sandbox-exec, else process."""
        return Mechanisms(sandbox=self._sandboxed).level

    def spawn(self) -> None:
        """Spawn the workers that are missing; one that still does its imports takes its fold after them."""
        while len(self._waiting) < self._count:
            self._waiting.append(_Worker(sandboxed=self._sandboxed))

    @contextmanager
    def hold(self, width: int | None = None) -> Iterator["_Places"]:
        """Wait for leave to have so many workers at a time."""
        count = min(width or self._count, self._count)
        with self._asking:  # two that each hold half of what they want would wait for ever
            for _ in range(count):
                self._free.acquire()
        with self._taking:
            self.spawn()
        try:
            yield _Places(self, count)
        finally:
            self._free.release(count)

    def worker(self) -> _Worker:
        """One that waits for a fold; another takes its place."""
        with self._taking:
            self.spawn()
            found = self._waiting.popleft()
            self.spawn()
            return found

    def close(self) -> None:
        """Kill the workers that still wait."""
        while self._waiting:
            self._waiting.pop().kill()


@dataclass(frozen=True)
class _Places:
    """Leave to have `count` workers at a time."""

    executor: SingleUseWorkers
    count: int

    def run(self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float, cancel: Cancel) -> Answers:
        """Give every fold a worker of its own."""

        def ask(task: FoldTask, cancelled: int) -> Frame:
            return self.executor.worker().ask(trial, task, deadline, cancelled)

        return deal(folds, [ask] * self.count, cancel)


def profile(folder: str) -> str:
    """The sandbox-exec profile of a worker that works in `folder`."""
    text = resources.files("autoresearch").joinpath("macos.sb").read_text(encoding="utf-8")
    hidden = "\n".join(f'  (subpath "{path}")' for path in masked()) or '  (literal "/dev/full")'
    places = {"PREFIX": sys.prefix, "BASE": sys.base_prefix, "FOLDER": os.path.realpath(folder), "MASKED": hidden}
    for name, place in places.items():
        text = text.replace(f"@{name}@", place)
    return text
