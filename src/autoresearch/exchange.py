"""What passes between the scorer and a fold's process: one message there, one answer back, neither trusted to end."""

import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any

from autoresearch.fold import Failure
from autoresearch.frames import HEADER, TEXT_LIMIT, Ended, parse_answer

if TYPE_CHECKING:
    import numpy as np

__all__ = ["cores", "environment", "exchange", "explained"]


def exchange(
    ours: socket.socket, message: bytes, answer_bytes: int, deadline: float, cancelled: int
) -> "np.ndarray | Failure":
    """Send a fold's message, read its answer: never more than promised, never longer than the deadline.

    Parameters
    ----------
    answer_bytes
        The most that an answer may take.
    deadline
        Monotonic seconds.
    cancelled
        Descriptor that becomes readable when nobody wants the answer any more.
    """
    late = Failure("the time was up", "", timed_out=True)
    ours.setblocking(False)
    outgoing = memoryview(message)
    while outgoing:
        if not _wait(ours, deadline, cancelled, writing=True):
            return late
        try:
            outgoing = outgoing[ours.send(outgoing) :]
        except OSError:
            break  # it died before it read: its end is explained below
    try:
        ours.shutdown(socket.SHUT_WR)
    except OSError:
        return Failure("", "")
    received, limit = bytearray(), HEADER.size + max(answer_bytes, TEXT_LIMIT)
    while True:
        if not _wait(ours, deadline, cancelled, writing=False):
            return late
        try:
            chunk = ours.recv(min(1 << 20, limit + 1 - len(received)))
        except OSError:
            return Failure("", "")
        received += chunk
        if len(received) >= HEADER.size:
            kind, dimensions, first, second, size = HEADER.unpack_from(received)
            if size > limit - HEADER.size:
                return Failure(f"train.py: its answer has {size} bytes where {answer_bytes} are wanted", "")
            if len(received) >= HEADER.size + size:
                body = bytes(received[HEADER.size : HEADER.size + size])
                return parse_answer(kind, dimensions, (first, second), body)
        if not chunk:
            return Failure("", "")


def _wait(ours: socket.socket, deadline: float, cancelled: int, *, writing: bool) -> bool:
    """Wait for the socket; False when the time is up or nobody wants the answer any more."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        return False
    reading: list[Any] = [cancelled] if writing else [ours, cancelled]
    ready, writable, _ = select.select(reading, [ours] if writing else [], [], remaining)
    return cancelled not in ready and bool(ready or writable)


def explained(result: "np.ndarray | Failure", ended: Ended) -> "np.ndarray | Failure":
    """Give a failure the reason that the cell saw, and what the fold printed last."""
    if not isinstance(result, Failure):
        return result
    message = result.message
    if ended.reason == "memory" or "MemoryError" in message:
        message = "memory: train.py needs more than budget.memory_gb allows"
    elif ended.reason.startswith("processes"):
        message = f"train.py: too many {ended.reason}"
    elif not message:
        message = f"train.py: its process ended without an answer ({ended.reason})"
    printed = f"{result.traceback}\n--- printed last:\n{ended.output}" if ended.output.strip() else result.traceback
    return Failure(message, printed, result.timed_out)


def environment() -> dict[str, str]:
    """What a cell knows of the environment: no secrets, and one thread.

    Two processes at default thread counts slow each other more than tenfold.
    """
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH") if name in os.environ
    }
    threads = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    quiet = {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}
    large = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # fewer page faults in a child, whose memory is always new
    return kept | quiet | large | dict.fromkeys(threads, "1")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
