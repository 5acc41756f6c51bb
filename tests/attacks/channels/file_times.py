"""Times of readable files: access and modification time hold four bytes each, as seconds."""

import os

SHARED = ""


def leave(fold, message):
    first, second = (int.from_bytes(message[i : i + 4], "little") for i in (0, 4))
    os.utime(f"{SHARED}{fold}", (first, second))


def find(fold):
    found = os.stat(f"{SHARED}{fold}")
    return b"".join(int(time).to_bytes(4, "little") for time in (found.st_atime, found.st_mtime))
