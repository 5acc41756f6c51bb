"""Look into every other process: environment, memory, open files, maps, root, working folder, arguments."""

import contextlib
import ctypes
import hashlib
import os
import re
from pathlib import Path

TOKEN = ""
PID = 0  # of the scorer, as an attacker may guess it
MARK = b"can" + b"ary:"
LIBC = ctypes.CDLL(None, use_errno=True)


def known(content):
    found = re.findall(MARK + rb"[0-9a-f]{32}", content)
    return any(hashlib.sha256(one).hexdigest() == TOKEN for one in found)


def pids():
    own = os.getpid()
    everyone = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in dict.fromkeys([PID, os.getppid(), 1, *everyone, *range(1, 64)]) if pid not in (own, 0)]


def texts(pid):
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ",))


def areas(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        place, rights = line.split()[:2]
        if rights.startswith("rw") and ("[heap]" in line or len(line.split()) == 5):
            yield tuple(int(part, 16) for part in place.split("-"))


def memory(pid):
    with open(f"/proc/{pid}/mem", "rb", 0) as file:
        for start, end in areas(pid):
            with contextlib.suppress(OSError, ValueError, OverflowError):
                file.seek(start)
                if known(file.read(end - start)):
                    return True
    return False


def copied(pid):
    for start, end in areas(pid):
        buffer = ctypes.create_string_buffer(end - start)
        ours, theirs = (
            (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), end - start),
            (ctypes.c_uint64 * 2)(start, end - start),
        )
        if LIBC.process_vm_readv(pid, ours, 1, theirs, 1, 0) > 0 and known(buffer.raw):
            return True
    return False


def attached(pid):
    if LIBC.ptrace(16, pid, 0, 0) == 0:
        LIBC.ptrace(17, pid, 0, 0)
        return True
    return False


def files(pid):
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(path).startswith("/") and known(
                os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 1 << 20)
            ):
                return True
    return False


def stolen_descriptor(pid):
    handle = LIBC.syscall(434, pid, 0)
    return any(LIBC.syscall(438, handle, number, 0) >= 0 for number in range(3, 64)) if handle >= 0 else False


def reach():
    for pid in pids():
        for way in (lambda pid: known(texts(pid)), memory, copied, files, stolen_descriptor):
            try:
                if way(pid):
                    return True
            except Exception:
                continue
    return attached(PID)
