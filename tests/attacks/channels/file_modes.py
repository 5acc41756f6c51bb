"""Permission bits of readable files, nine a file."""

import os

SHARED = ""


def leave(fold, message):
    bits = int.from_bytes(message, "little")
    for part in range(8):
        os.chmod(f"{SHARED}{fold}{part}", 0o400 | (bits >> 8 * part & 0xFF))


def find(fold):
    modes = [os.stat(f"{SHARED}{fold}{part}").st_mode & 0xFF for part in range(8)]
    return bytes(modes)
