"""A cell: a warm process without data. Per trial it forks a confined world, and in that one child per fold.

Started by the scorer as ``python -m autoresearch.cell FD CORE``; it is no fork of the scorer and never holds a
label. A trial's first process, the stem, holds the shared features and nothing else: each fold's message goes
from the scorer straight to the fold's child, and the child's answer straight back; what a fold prints, uses and
dies of is the guard's to see. So no trace of one fold is left in the memory from which the next one is forked.

    scorer --control--> cell --fork--> stem (namespaces, mounts) --fork--> child (Landlock, seccomp, limits)
      | |                                |                                   |
      | +---------- orders ---------- guard (watches, kills)                 |
      +----------------------- one socket pair per fold ---------------------+
"""

import contextlib
import gc
import importlib.util
import json
import math
import os
import pickle
import signal
import socket
import struct
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy as np

from autoresearch import linux
from autoresearch.confinement import Confinement, try_mechanisms
from autoresearch.fold import Failure, FoldTask, answer, failure
from autoresearch.guard import FORK, MESSAGE_BYTES, REAP, Ended, guard, printable
from autoresearch.isolation import Mechanisms
from autoresearch.matrix import unpack

__all__ = [
    "ANSWER", "CANCEL", "HEADER", "TEXT_LIMIT", "WARM", "Ended", "Opening", "answer_frame", "failure_frame", "main",
    "parse_answer", "preload", "rehearse",
]  # fmt: skip

HEADER = struct.Struct("<cBQQQ")  # kind, dimensions, two shapes, bytes that follow
ANSWER, FAILURE = b"A", b"F"
TEXT_LIMIT = 64 * 1024  # bytes of a failure's text
CANCEL = signal.SIGUSR1  # kills the trial under way, and nothing else
WARM = (
    "pandas", "sklearn.pipeline", "sklearn.compose", "sklearn.impute", "sklearn.preprocessing", "sklearn.linear_model",
    "sklearn.ensemble", "sklearn.model_selection", "lightgbm",
)  # fmt: skip
PRELOADED = frozenset(
    {
        "catboost", "category_encoders", "feature_engine", "flaml", "imblearn", "joblib", "lightgbm", "matplotlib",
        "numpy", "pandas", "scipy", "skimage", "sklearn", "sklego", "skrub", "statsmodels", "torch", "xgboost",
    }
)  # fmt: skip
SIDE_EFFECTS = frozenset({"__main__", "conftest", "datasets", "experimental", "pyplot", "test", "testing", "tests"})


@dataclass(frozen=True)
class Opening:
    """What a cell is told when a trial begins; the features come beside it as a descriptor."""

    scratch: str
    modules: list[str]
    memory_bytes: int
    readable: list[str]


def main() -> None:
    """Serve trials until the scorer is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    core, wanted = int(sys.argv[2]), Mechanisms(**json.loads(sys.argv[3]))
    _silence()
    sys.path[:] = [path for path in sys.path if path not in ("", "/")]  # or any file could be imported by its path
    everywhere = sorted(os.sched_getaffinity(0))
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
            _run_trial(opening, mechanisms, socket.socket(fileno=descriptors[0]), descriptors[1], everywhere)
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
    """Import installed modules ahead of the fork; what cannot be imported is the child's to report.

    What a cell imports stays for its later trials, and it is not confined: only packages that are known to do
    nothing but define things are imported here, and none of their tests, which load data sets.
    """
    for name in modules:
        parts = name.split(".")
        if parts[0] in PRELOADED and not SIDE_EFFECTS.intersection(parts):
            with contextlib.suppress(Exception):
                __import__(name)


def preload_all(modules: list[str]) -> None:
    """Import what train.py names and is installed, in a stem whose data sets are masked: once a trial, not a fold."""
    homes = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib"))
    for name in modules:
        with contextlib.suppress(BaseException):  # a module may exit
            spec = importlib.util.find_spec(name.partition(".")[0])
            if spec and spec.origin and spec.origin.startswith(homes) and "__main__" not in name:
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


def _run_trial(
    opening: Opening, mechanisms: Mechanisms, orders: socket.socket, features_fd: int, everywhere: list[int]
) -> NoReturn:
    """The stem: confines its world, starts the guard, then forks a child per fold until the guard is gone."""
    signal.signal(CANCEL, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the first process of a namespace then never gets
    if mechanisms.namespaces:
        linux.set_parent_death_signal(signal.SIGKILL)  # elsewhere the guard must outlive it, to clear up
    code = 1
    try:
        features = unpack(features_fd)
        os.close(features_fd)
        confinement = Confinement(mechanisms, opening.scratch, opening.readable)
        confinement.enter()
        if mechanisms.namespaces:
            preload_all(opening.modules)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            ours.close()
            os.sched_setaffinity(0, everywhere)  # beside a fold that forks without end it would get no time
            guard(confinement, opening.memory_bytes, orders, theirs)
        theirs.close()
        orders.close()
        gc.freeze()
        _fork_folds(confinement, opening.memory_bytes, ours, features)
        code = 0
    finally:
        os._exit(code)


def _fork_folds(confinement: Confinement, memory: int, orders: socket.socket, features) -> None:  # type: ignore[no-untyped-def]
    """Fork and reap when the guard says so; of what becomes of a fold nothing is seen here but its number."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, len(FORK), 2)
        if not message:
            return
        if message == REAP:
            linux.reap()
            orders.send(REAP)
            continue
        pid = os.fork()
        if pid == 0:
            _live(confinement, memory, socket.socket(fileno=descriptors[0]), descriptors[1], features)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(str(pid).encode())


def _live(confinement: Confinement, memory: int, scorer: socket.socket, output: int, features) -> NoReturn:  # type: ignore[no-untyped-def]
    """The fold's own process: confine, read what to do, answer, wait for its end."""
    try:
        linux.set_parent_death_signal(signal.SIGKILL)
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        confinement.confine(memory)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # an open file that other folds have too could be marked
        os.closerange(3, scorer.fileno())
        os.closerange(scorer.fileno() + 1, 1 << 20)
        with scorer.makefile("rb") as stream:
            task = pickle.load(stream)  # noqa: S301 - from the scorer, the trusted direction
        assert isinstance(task, FoldTask)
        _stage(task.source)
        frame = answer_frame(answer(task, features))
    except BaseException as error:  # whatever train.py raises, exit included, is this fold's failure
        frame = failure_frame(error)
    with contextlib.suppress(BaseException):
        scorer.sendall(frame)
    while True:
        signal.pause()  # until the guard has seen what it used


def _stage(source: str) -> None:
    """Lay train.py where workers that start Python anew find it, and leave them no harness to import as main."""
    sys.modules["__main__"] = ModuleType("__main__")
    Path("train.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(Path.cwd()))


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
    if kind == ANSWER and dimensions in (1, 2) and body:
        wanted = shape[:dimensions]
        if math.prod(wanted) * 8 == len(body):
            return np.frombuffer(body, dtype=np.float64).reshape(wanted).copy()
    if kind == FAILURE:
        message, _, trace = body.decode("utf-8", "replace").partition("\0")
        line = " ".join(printable(message).split())[:300]
        return Failure(line or "train.py failed without a word", printable(trace))
    return Failure("train.py: its answer is no array of one or two dimensions", "")


if __name__ == "__main__":
    main()
