"""A cell: a warm process without data that forks one child per fold. Started as ``python -m autoresearch.cell``.

Covered here: the code under test runs in a process that never held a label it does not train on; its
time is bounded, and its answer is raw float64, never a pickle. Not covered here: reaching files, other
processes or the network. That is the trust boundary's part.

Messages on stdin are pickles from the scorer (the trusted direction); answers on stdout are frames:
a header, then float64 numbers, or UTF-8 text for a failure.
"""

import contextlib
import ctypes
import os
import pickle
import resource
import select
import signal
import struct
import sys
import time
from typing import IO

import numpy as np

from autoresearch.fold import Failure, FoldTask, answer, failure

__all__ = ["CANCEL", "READY", "Frame", "main", "read_exactly", "read_frame", "write_message"]

# kind (b'A' answer, b'F' failure, b'T' time-out), CPU seconds, peak MB, dimensions, two shapes, bytes that follow
HEADER = struct.Struct("<cddBQQQ")
LENGTH = struct.Struct("<Q")
TEXT_LIMIT = 64 * 1024  # bytes of a traceback
PR_SET_PDEATHSIG = 1
READY = b"ready"  # said once, when the imports are done
CANCEL = signal.SIGUSR1  # ends the fold under way, and nothing else

Frame = tuple[np.ndarray | Failure, float, float]
"""Answer or failure, CPU seconds, peak MB."""


def write_message(stream: IO[bytes], message: object) -> None:
    """Send a pickled message with its length in front."""
    data = pickle.dumps(message, protocol=5)
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """Read `size` bytes.

    Raises
    ------
    EOFError
        The other side is gone.
    """
    data = stream.read(size)
    if data is None or len(data) < size:
        raise EOFError
    return data


def read_frame(stream: IO[bytes]) -> Frame:
    """Read one fold's answer.

    Raises
    ------
    EOFError
        The cell is gone.
    """
    kind, cpu, peak, dimensions, first, second, size = HEADER.unpack(read_exactly(stream, HEADER.size))
    body = read_exactly(stream, size)
    if kind == b"A":
        shape = (first, second)[:dimensions]
        return np.frombuffer(body, dtype=np.float64).reshape(shape), cpu, peak
    message, _, trace = body.decode("utf-8", "replace").partition("\0")
    return Failure(message, trace, timed_out=kind == b"T"), cpu, peak


def main() -> None:
    """Serve folds until stdin ends."""
    _die_with_parent()
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        source = os.dup(descriptor) if descriptor == 0 else None
        os.dup2(null, descriptor)
        if source is not None:
            stdin = os.fdopen(source, "rb")
    preload(["pandas", "sklearn.pipeline", "sklearn.linear_model", "sklearn.ensemble"])
    child = _Child()
    signal.signal(CANCEL, child.kill)
    stdout.write(READY)
    stdout.flush()
    while True:
        try:
            modules, task, limits = pickle.loads(read_exactly(stdin, LENGTH.unpack(read_exactly(stdin, 8))[0]))  # noqa: S301
        except EOFError:
            return
        preload(modules)
        stdout.write(_fold(child, task, *limits))
        stdout.flush()


def preload(modules: list[str]) -> None:
    """Import installed modules ahead of the fork; what cannot be imported is the child's to report."""
    for name in modules:
        with contextlib.suppress(Exception):
            __import__(name)


class _Child:
    """The process of the fold under way."""

    pid = 0

    def kill(self, *_: object) -> None:
        """Kill it and its group; nothing where there is none."""
        if self.pid:
            for end in (os.killpg, os.kill):  # alone, too, where it had no time to form its own group
                with contextlib.suppress(ProcessLookupError):
                    end(self.pid, signal.SIGKILL)


def _fold(child: _Child, task: FoldTask, seconds: float, answer_bytes: int) -> bytes:
    """Fork a child for one fold, and give its frame, or the reason why there is none."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        _live(task, send)
    child.pid = pid
    os.close(send)
    frame, late = _drain(receive, time.monotonic() + seconds, answer_bytes + HEADER.size + TEXT_LIMIT)
    os.close(receive)
    child.kill()
    _, status = os.waitpid(pid, 0)
    child.pid = 0
    if late:
        return _text_frame(b"T", f"no answer within {seconds:.0f} s", "")
    if len(frame) < HEADER.size or len(frame) != HEADER.size + HEADER.unpack_from(frame)[-1]:
        return _text_frame(b"F", f"train.py: its process ended without an answer ({_end(status)})", "")
    return frame


def _drain(descriptor: int, deadline: float, limit: int) -> tuple[bytes, bool]:
    """Read until the child closes its end; True when the deadline or the limit came first."""
    chunks: list[bytes] = []
    size = 0
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b"", True
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            return b"".join(chunks), False
        size += len(chunk)
        if size > limit:
            return b"", False
        chunks.append(chunk)


def _live(task: FoldTask, send: int) -> None:
    """The fold's own process; never returns."""
    os.setpgid(0, 0)
    signal.signal(CANCEL, signal.SIG_DFL)
    _die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        frame = _answer_frame(answer(task))
    except BaseException as error:  # whatever train.py raises, exit included, is this fold's failure
        found = failure(error)
        frame = _text_frame(b"F", found.message, found.traceback)
    with contextlib.suppress(OSError), os.fdopen(send, "wb") as pipe:
        pipe.write(frame)
    os._exit(0)


def _used() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return time.process_time(), usage.ru_maxrss / unit


def _answer_frame(values: np.ndarray) -> bytes:
    first, second = [*values.shape, 0, 0][:2]
    return HEADER.pack(b"A", *_used(), min(values.ndim, 2), first, second, values.nbytes) + values.tobytes()


def _text_frame(kind: bytes, message: str, trace: str) -> bytes:
    body = f"{message}\0{trace[-TEXT_LIMIT // 4 :]}".encode("utf-8", "replace")[:TEXT_LIMIT]
    return HEADER.pack(kind, *_used(), 0, 0, 0, len(body)) + body


def _end(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main()
