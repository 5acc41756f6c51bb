"""Read files by name, by every way there is to one; TOKEN is the hash of a secret in them."""

import ctypes
import hashlib
import mmap
import os
import re
import subprocess
from pathlib import Path

PATHS = []
TOKEN = ""
CANARY = rb"canary:[0-9a-f]{32}"


def known(content):
    return any(hashlib.sha256(found).hexdigest() == TOKEN for found in re.findall(CANARY, content))


def mapped(path):
    handle = os.open(path, os.O_RDONLY)
    return bytes(mmap.mmap(handle, 0, prot=mmap.PROT_READ))


def shell(path):
    return subprocess.run(["cat", path], capture_output=True, check=False).stdout


def by_parts(path):
    folder = os.open("/", os.O_PATH)
    for part in Path(path).parts[1:-1]:
        folder = os.open(part, os.O_PATH, dir_fd=folder)
    return os.read(os.open(Path(path).name, os.O_RDONLY, dir_fd=folder), 1 << 20)


def linked(path):
    os.symlink(path, "link")
    return Path("link").read_bytes()


def hard_linked(path):
    os.link(path, "hard")
    return Path("hard").read_bytes()


def moved(path):
    os.rename(path, "moved")
    return Path("moved").read_bytes()


def executed(path):
    return subprocess.run([path], capture_output=True, check=False).stderr


def spliced(path):
    receiver, sender = os.pipe()
    os.splice(os.open(path, os.O_RDONLY), sender, 1 << 16)
    return os.read(receiver, 1 << 16)


def through(prefix):
    def way(path):
        return Path(f"{prefix}{path}").read_bytes()

    return way


def by_magic(path):
    handle = os.open(path, os.O_PATH)
    return Path(f"/proc/self/fd/{handle}").read_bytes()


def by_system_call(path):
    libc = ctypes.CDLL(None)
    how = (ctypes.c_uint64 * 3)(0, 0, 0)
    handle = libc.syscall(437, -100, path.encode(), how, 24)  # openat2
    return os.read(handle, 1 << 20)


WAYS = [
    mapped, shell, by_parts, linked, hard_linked, moved, executed, spliced, by_magic, by_system_call,
    through(""), through("/proc/self/root"), through("/proc/1/root"), through("/proc/self/cwd/../../../../../../.."),
    through(f"/proc/{os.getppid()}/root"),
]  # fmt: skip


def reach():
    for path in PATHS:
        for way in WAYS:
            try:
                if known(way(path)):
                    return True
            except Exception:
                continue
    return False
