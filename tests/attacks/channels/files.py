"""Files and file names, wherever a file can be made."""

import contextlib
import os
import sysconfig
import tempfile
from pathlib import Path

PLACES = [
    ".", "..", "../..", tempfile.gettempdir(), os.environ.get("TMPDIR", "/tmp"), os.environ.get("HOME", "/tmp"),
    "/tmp", "/var/tmp", "/dev/shm", "/dev", "/run", "/run/lock", "/", "/root", "/home", "/var/lib", "/opt", "/mnt",
    sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), "/proc/self/cwd", "/proc/1/root/tmp",
    "/proc/self/root/tmp", "/sys/fs/cgroup", "/sys/kernel", "/proc/self/task",
]  # fmt: skip
STEM = "autoresearch-attack-left-"


def leave(fold, message):
    for place in PLACES:
        with contextlib.suppress(OSError):
            Path(place, f"{STEM}{fold}").write_bytes(message)
        with contextlib.suppress(OSError):
            Path(place, f"{STEM}name-{fold}-{message.hex()}").mkdir()
        with contextlib.suppress(OSError):
            Path(place, f"{STEM}link-{fold}").symlink_to(message.hex())


def find(fold):
    for place in PLACES:
        with contextlib.suppress(OSError):
            for path in Path(place).glob(f"{STEM}*"):
                if path.name == f"{STEM}{fold}":
                    return path.read_bytes()
                if path.name.startswith(f"{STEM}name-{fold}-"):
                    return bytes.fromhex(path.name.rsplit("-", 1)[1])
                if path.name == f"{STEM}link-{fold}":
                    return bytes.fromhex(os.readlink(path))
    return None
