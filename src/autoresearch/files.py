"""Files written whole or not at all, and locks between processes.

`fcntl` rather than a library for locks: the one there is takes a sixth of a step's time to import.
"""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["aside_of", "digest", "locked", "modules_below", "write_whole", "writing"]

CHUNK = 1 << 20  # bytes read at a time
LOOK_SECONDS = 0.02  # between two tries for a lock


@contextmanager
def writing(path: Path, mode: int | None = None, *, aside: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write into that takes the place of `path` in one move, once it is whole.

    Parameters
    ----------
    mode
        Permission bits; by default those of the file replaced, or what the umask leaves.
    aside
        Keep whatever other bytes lay there, under a name with the beginning of their digest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode if mode is not None else _mode_of(path))
        if aside and path.exists() and digest(path) != digest(Path(name)):
            path.replace(aside_of(path))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace `path` by `data` in one move: a reader, or a crash, sees the old bytes or the new ones.

    Parameters
    ----------
    mode
        Permission bits; by default those of the file replaced, or what the umask leaves.
    """
    with writing(path, mode) as file:
        file.write(data)


def aside_of(path: Path) -> Path:
    """The name under which a file's present bytes are kept when others take their place."""
    return path.with_name(f"{path.stem}-{digest(path)[:8]}{path.suffix}")


def _mode_of(path: Path) -> int:
    if path.exists():
        return path.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def modules_below(folder: str) -> list[str]:
    """Paths of a package's Python files, from its folder, sorted."""
    found = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name.endswith(".py")]
    return sorted(os.path.relpath(path, folder) for path in found)


def digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal text."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - hundreds of small files a step, and pathlib is slow
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


@contextmanager
def locked(path: Path, patience: float | None = None) -> Iterator[None]:
    """Be the only process that holds `path`; a process that dies lets go.

    Parameters
    ----------
    patience
        Seconds to wait for whoever holds it; by default without end.

    Raises
    ------
    TimeoutError
        It was still held.
    """
    deadline = None if patience is None else time.monotonic() + patience
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError(f"{path} is held by another process") from None
                time.sleep(LOOK_SECONDS)
        yield
