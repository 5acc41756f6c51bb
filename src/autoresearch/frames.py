"""What passes between scorer, cell, guard and fold, as bytes: answers are raw numbers, never pickles."""

import math
import signal
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoresearch.fold import Failure, failure

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "ANSWER", "CANCEL", "FAILURE", "HEADER", "TEXT_LIMIT", "Ended", "Opening", "answer_frame", "failure_frame",
    "parse_answer", "printable",
]  # fmt: skip

HEADER = struct.Struct("<cBQQQ")  # kind, dimensions, two shapes, bytes that follow
ANSWER, FAILURE = b"A", b"F"
TEXT_LIMIT = 64 * 1024  # bytes of a failure's text
CANCEL = signal.SIGUSR1  # kills the trial under way, and nothing else


@dataclass(frozen=True)
class Opening:
    """What a cell is told when a trial begins; the features come beside it as a descriptor."""

    scratch: str
    modules: list[str]
    memory_bytes: int
    readable: list[str]
    hidden: list[str]


@dataclass(frozen=True)
class Ended:
    """What the guard says when a fold's processes are all gone."""

    cpu_s: float
    peak_mb: float
    reason: str
    output: str


def failure_frame(error: BaseException) -> bytes:
    """Put an exception into a frame: its one line, and its traceback."""
    found = failure(error)
    body = f"{found.message}\0{found.traceback}".encode("utf-8", "replace")[:TEXT_LIMIT]
    return HEADER.pack(FAILURE, 0, 0, 0, len(body)) + body


def answer_frame(values: "np.ndarray") -> bytes:
    """Put predictions into a frame."""
    first, second = [*values.shape, 0, 0][:2]
    return HEADER.pack(ANSWER, min(values.ndim, 255), first, second, values.nbytes) + values.tobytes()


def parse_answer(kind: bytes, dimensions: int, shape: tuple[int, int], body: bytes) -> "np.ndarray | Failure":
    """Read a child's frame, whatever it is: numbers of the shape it claims, or a failure's text."""
    import numpy as np

    if kind == ANSWER and dimensions in (1, 2) and body:
        wanted = shape[:dimensions]
        if math.prod(wanted) * 8 == len(body):
            return np.frombuffer(body, dtype=np.float64).reshape(wanted).copy()
    if kind == FAILURE:
        message, _, trace = body.decode("utf-8", "replace").partition("\0")
        line = " ".join(printable(message).split())[:300]
        return Failure(line or "train.py failed without a word", printable(trace))
    return Failure("train.py: its answer is no array of one or two dimensions", "")


def printable(text: str) -> str:
    """Text without what moves a terminal's cursor or colours it; lines stay lines."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
