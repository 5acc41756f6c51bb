"""Futexes on a file that both folds map: who waits where on a read-only shared page is seen by whoever wakes there."""

import ctypes
import mmap
import os
import sysconfig
import threading
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
FUTEX, WAIT_OPERATION, WAKE = 202, 0, 1
FILE = next(Path(sysconfig.get_path("purelib"), "numpy").glob("_core/*.so"))
HANDLE = os.open(FILE, os.O_RDONLY)
BASE = LIBC.mmap(None, 8192, mmap.PROT_READ, mmap.MAP_SHARED, HANDLE, 0)


def place(fold, bit):
    return BASE + 4096 * fold + 4 * bit


def wait(address, until):
    value = ctypes.c_uint32.from_address(address).value
    timeout = (ctypes.c_long * 2)(0, 200_000_000)
    while time.monotonic() < until:
        LIBC.syscall(FUTEX, ctypes.c_void_p(address), WAIT_OPERATION, value, timeout, None, 0)


def leave(fold, message):
    bits = int.from_bytes(message, "little") | 1 << 64
    until = time.monotonic() + 1.5
    for bit in range(65):
        if bits >> bit & 1:
            threading.Thread(target=wait, args=(place(fold, bit), until), daemon=True).start()


def find(fold):
    if LIBC.syscall(FUTEX, ctypes.c_void_p(place(fold, 64)), WAKE, 1, None, None, 0) < 1:
        return None
    time.sleep(0.1)
    woken = [LIBC.syscall(FUTEX, ctypes.c_void_p(place(fold, bit)), WAKE, 1, None, None, 0) for bit in range(64)]
    return sum((count > 0) << bit for bit, count in enumerate(woken)).to_bytes(8, "little")
