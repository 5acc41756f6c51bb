"""A cell: a warm process without data. Per trial it forks a confined world, and in that one child per fold.

Started by the scorer as ``python -m autoresearch.cell FD CORE``; it is no fork of the scorer and never holds a
label. A trial's first process holds the shared features and nothing else: each fold's message goes from the
scorer straight to the fold's child, and the child's answer straight back, so that no trace of one fold is
left in the memory from which the next one is forked.

    scorer --control--> cell --fork--> trial (namespaces, mounts) --fork--> child (Landlock, seccomp, limits)
       |                                                                      |
       +----------------------- one socket pair per fold ---------------------+
"""

import contextlib
import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from autoresearch import linux
from autoresearch.confinement import Confinement, try_mechanisms
from autoresearch.fold import Failure, FoldTask, answer, failure
from autoresearch.isolation import Mechanisms
from autoresearch.matrix import unpack

__all__ = [
    "ANSWER", "CANCEL", "HEADER", "TEXT_LIMIT", "WARM", "Ended", "Opening", "answer_frame", "failure_frame", "main",
    "parse_answer", "preload", "rehearse",
]  # fmt: skip

HEADER = struct.Struct("<cBQQQ")  # kind, dimensions, two shapes, bytes that follow
ANSWER, FAILURE = b"A", b"F"
TEXT_LIMIT = 64 * 1024  # bytes of a failure's text
OUTPUT_LIMIT = 8 * 1024  # bytes kept of what a fold prints
CANCEL = signal.SIGUSR1  # kills the trial under way, and nothing else
WATCH_SECONDS = 0.02  # between two looks at memory and processes
PROCESS_LIMIT = 512
MESSAGE_BYTES = 1 << 16
WARM = (
    "pandas", "sklearn.pipeline", "sklearn.compose", "sklearn.impute", "sklearn.preprocessing", "sklearn.linear_model",
    "sklearn.ensemble", "sklearn.model_selection", "lightgbm",
)  # fmt: skip


@dataclass(frozen=True)
class Opening:
    """What a cell is told when a trial begins; the features come beside it as a descriptor."""

    scratch: str
    modules: list[str]
    memory_bytes: int
    readable: list[str]


@dataclass(frozen=True)
class Ended:
    """What a cell says when a fold's processes are all gone."""

    cpu_s: float
    peak_mb: float
    reason: str
    output: str


def main() -> None:
    """Serve trials until the scorer is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    core, wanted = int(sys.argv[2]), Mechanisms(**json.loads(sys.argv[3]))
    _silence()
    if core >= 0:
        os.sched_setaffinity(0, {core})  # unpinned, two cells behave as one core
    preload(WARM)
    rehearse()
    scratch = sys.argv[4]
    mechanisms = try_mechanisms(wanted, scratch)
    trial = _Trial()
    signal.signal(CANCEL, trial.kill)
    control.send(json.dumps(asdict(mechanisms)).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
        if not message:
            return
        opening = Opening(**json.loads(message))
        preload(opening.modules)
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page that it looks at
        trial.pid = os.fork()
        if trial.pid == 0:
            control.close()
            _run_trial(opening, mechanisms, socket.socket(fileno=descriptors[0]), descriptors[1])
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(trial.pid, 0)
        trial.pid = 0
        control.send(b"closed")


class _Trial:
    """The trial under way."""

    pid = 0

    def kill(self, *_: object) -> None:
        """Kill it, and with it all that it forked."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _silence() -> None:
    """Point the standard streams nowhere: what a cell has to say goes over its sockets."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)


def preload(modules: "list[str] | tuple[str, ...]") -> None:
    """Import installed modules ahead of the fork; what cannot be imported is the child's to report."""
    for name in modules:
        with contextlib.suppress(Exception):
            __import__(name)


def rehearse() -> None:
    """Fit a scaler and an encoder on two rows: scikit-learn imports a dozen modules at the first table it sees.

    Nothing here may open an OpenMP region: children of a process that did hang.
    """
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = pd.DataFrame({"a": [0.0, 1.0], "b": ["x", "y"]})
    make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b"])).fit_transform(table)


def _run_trial(opening: Opening, mechanisms: Mechanisms, orders: socket.socket, features_fd: int) -> NoReturn:
    """The trial's first process: confines its world, then forks a child per fold until the scorer hangs up."""
    signal.signal(CANCEL, signal.SIG_DFL)
    linux.set_parent_death_signal(signal.SIGKILL)
    code = 1
    try:
        features = unpack(features_fd)
        os.close(features_fd)
        confinement = Confinement(mechanisms, opening.scratch, opening.readable)
        confinement.enter()
        gc.freeze()
        orders.send(b"ready")
        while True:
            message, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, 1)
            if not message:
                break
            confinement.prepare_fold()
            _run_fold(confinement, opening, orders, descriptors[0], features)
        confinement.kill_all()
        code = 0
    finally:
        os._exit(code)


def _run_fold(confinement: Confinement, opening: Opening, orders: socket.socket, fold_fd: int, features) -> None:  # type: ignore[no-untyped-def]
    """Fork a fold's child, watch it until the scorer says that it is done with it, kill whatever is left."""
    output, output_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        orders.close()
        os.close(output)
        _live(confinement, opening.memory_bytes, socket.socket(fileno=fold_fd), output_end, features)
    os.close(fold_fd)
    os.close(output_end)
    reason, printed = _watch(opening.memory_bytes, orders, output, confinement)
    confinement.kill_all()
    _, status, usage = os.wait4(pid, 0)
    with contextlib.suppress(ChildProcessError):
        while True:
            confinement.kill_all()
            os.waitpid(-1, 0)
    os.close(output)
    ended = Ended(
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        reason=reason or _end(status),
        output=printed.decode("utf-8", "replace"),
    )
    orders.send(json.dumps(asdict(ended)).encode())


def _watch(limit: int, orders: socket.socket, output: int, confinement: Confinement) -> tuple[str, bytes]:
    """Drain what the fold prints and look at what it uses until the scorer is done; gives why it was ended early."""
    own, printed, reason = _resident(os.getpid()), b"", ""
    os.set_blocking(output, False)
    sources: list[Any] = [orders, output]
    while True:
        ready, _, _ = select.select(sources, [], [], WATCH_SECONDS)
        if output in ready:
            chunk = b""
            with contextlib.suppress(BlockingIOError):
                chunk = os.read(output, 1 << 16)
            if not chunk:
                sources = [orders]
            printed = (printed + chunk)[-OUTPUT_LIMIT:]
        if orders in ready:
            orders.recv(MESSAGE_BYTES)
            return reason, printed
        if not reason and (reason := _excess(limit, own, confinement)):
            confinement.kill_all()


def _excess(limit: int, own: int, confinement: Confinement) -> str:
    """What the fold's processes have too much of, beyond what they inherited; empty when all is well."""
    pids = confinement.processes()
    if len(pids) > PROCESS_LIMIT:
        return f"processes: more than {PROCESS_LIMIT}"
    if sum(max(0, _resident(pid) - own) for pid in pids) > limit:
        return "memory"
    return ""


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


def _live(confinement: Confinement, memory: int, scorer: socket.socket, output: int, features) -> NoReturn:  # type: ignore[no-untyped-def]
    """The fold's own process: confine, read what to do, answer, die."""
    try:
        linux.set_parent_death_signal(signal.SIGKILL)
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        confinement.confine(memory)
        with scorer.makefile("rb") as stream:
            task = pickle.load(stream)  # noqa: S301 - from the scorer, the trusted direction
        assert isinstance(task, FoldTask)
        frame = answer_frame(answer(task, features))
    except BaseException as error:  # whatever train.py raises, exit included, is this fold's failure
        frame = failure_frame(error)
    with contextlib.suppress(BaseException):
        scorer.sendall(frame)
    os._exit(0)


def failure_frame(error: BaseException) -> bytes:
    """Put an exception into a frame: its one line, and its traceback."""
    found = failure(error)
    body = f"{found.message}\0{found.traceback}".encode("utf-8", "replace")[:TEXT_LIMIT]
    return HEADER.pack(FAILURE, 0, 0, 0, len(body)) + body


def answer_frame(values: np.ndarray) -> bytes:
    """Put predictions into a frame."""
    first, second = [*values.shape, 0, 0][:2]
    return HEADER.pack(ANSWER, min(values.ndim, 255), first, second, values.nbytes) + values.tobytes()


def parse_answer(kind: bytes, dimensions: int, shape: tuple[int, int], body: bytes) -> np.ndarray | Failure:
    """Read a child's frame, whatever it is: numbers of the shape it claims, or a failure's text."""
    if kind == ANSWER and dimensions in (1, 2):
        wanted = shape[:dimensions]
        if int(np.prod(wanted, dtype=object)) * 8 == len(body):
            return np.frombuffer(body, dtype=np.float64).reshape(wanted).copy()
    if kind == FAILURE:
        message, _, trace = body.decode("utf-8", "replace").partition("\0")
        return Failure(" ".join(message.split())[:300] or "train.py failed without a word", trace)
    return Failure("train.py: its answer is no array of one or two dimensions", "")


def _end(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


if __name__ == "__main__":
    main()
