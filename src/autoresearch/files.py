"""Files written whole or not at all."""

import hashlib
import os
import tempfile
from pathlib import Path

__all__ = ["digest", "write_whole"]


def write_whole(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace `path` by `data` in one move: a reader, or a crash, sees the old bytes or the new ones.

    Parameters
    ----------
    mode
        Permission bits; by default those of the file replaced, or what the umask leaves.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode if mode is not None else _mode_of(path))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mode_of(path: Path) -> int:
    if path.exists():
        return path.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
