"""The features of a table in one shared, sealed piece of memory that every cell maps and none can write.

Rows lie there in an order drawn from bytes that no trial sees. Labels are never in it.
"""

import mmap
import os
import pickle
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

__all__ = ["Matrix", "unpack"]

LENGTHS = struct.Struct("<Q")
ALIGNMENT = 64  # bytes, so that arrays begin where vector instructions like it
F_ADD_SEALS, SEALS = 1033, 0x1 | 0x2 | 0x4 | 0x8  # no more seals, no shrinking, no growing, no writing


@dataclass(frozen=True)
class Matrix:
    """Features in the order in which they are shared.

    Parameters
    ----------
    frame
        Shape (n, columns), in shared order, with a fresh index.
    position
        Where each of the table's own rows lies in it, shape (n,).
    apart
        Whether the rows of the one fold that it is for come first, and side by side.
    """

    frame: pd.DataFrame
    position: np.ndarray
    apart: bool = False
    _fds: list[int] = field(default_factory=list)

    @classmethod
    def shuffled(cls, X: pd.DataFrame, seed: int, first: np.ndarray | None = None) -> "Matrix":
        """Share the rows of `X` in an order drawn from `seed`.

        Parameters
        ----------
        first
            Rows that come before all others: a fold that trains on these, in this order, needs no copy of them.
        """
        order = np.random.default_rng(seed).permutation(len(X))
        if first is not None:
            later = np.isin(order, first)
            order = np.concatenate([order[later], order[~later]])
        position = np.empty(len(X), dtype=np.int64)
        position[order] = np.arange(len(X))
        return cls(X.iloc[order].reset_index(drop=True), position, first is not None)

    def order(self, rows: np.ndarray) -> np.ndarray:
        """Sort some of the table's rows as they lie in the shared features: their places among `rows`."""
        return np.argsort(self.position[rows])

    @cached_property
    def fd(self) -> int:
        """Descriptor of the sealed memory: pickle 5 with its arrays out of band."""
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(self.frame, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
        sizes = struct.pack(f"<Q{len(parts)}Q", len(parts), *(part.nbytes for part in parts))
        fd = _memory()
        offset = os.pwrite(fd, sizes, 0)
        for part in parts:
            offset = _aligned(offset)
            _write(fd, part, offset)
            offset += part.nbytes
        os.ftruncate(fd, max(offset, 1))
        if sys.platform == "linux":
            import fcntl

            fcntl.fcntl(fd, F_ADD_SEALS, SEALS)
        self._fds.append(fd)
        return fd

    def close(self) -> None:
        """Let go of the memory."""
        while self._fds:
            os.close(self._fds.pop())


def _memory() -> int:
    if sys.platform == "linux":
        return os.memfd_create("autoresearch", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _write(fd: int, part: memoryview, offset: int) -> None:
    flat = part.cast("B") if part.nbytes else part
    done = 0
    while done < part.nbytes:
        done += os.pwrite(fd, flat[done : done + (1 << 30)], offset + done)


def unpack(fd: int) -> pd.DataFrame:
    """Map the shared features, without a copy of their arrays."""
    view = memoryview(mmap.mmap(fd, 0, prot=mmap.PROT_READ))
    (count,) = LENGTHS.unpack_from(view)
    sizes = struct.unpack_from(f"<{count}Q", view, LENGTHS.size)
    offset, parts = LENGTHS.size * (count + 1), []
    for size in sizes:
        offset = _aligned(offset)
        parts.append(view[offset : offset + size])
        offset += size
    frame = pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 - written by the scorer, and sealed
    assert isinstance(frame, pd.DataFrame)
    return frame
