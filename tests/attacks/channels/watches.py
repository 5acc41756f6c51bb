"""inotify on readable files: reading a file or only opening it are two events, a bit each."""

import ctypes
import os
import struct
import time

SHARED = ""
OPEN, ACCESS, CLOSE = 0x20, 0x1, 0x10
LIBC = ctypes.CDLL(None, use_errno=True)
WATCH = LIBC.inotify_init1(os.O_NONBLOCK)
SEEN = {0: [], 1: []}
WATCHED = {}


def watch():
    for fold in (0, 1):
        if fold not in WATCHED.values():
            number = LIBC.inotify_add_watch(WATCH, f"{SHARED}{fold}".encode(), OPEN | ACCESS | CLOSE)
            WATCHED[number] = fold


def leave(fold, message):
    time.sleep(0.4)  # until the other one watches
    bits = int.from_bytes(message, "little") | 1 << 64
    for bit in range(65):
        handle = os.open(f"{SHARED}{fold}", os.O_RDONLY)
        if bits >> bit & 1:
            os.pread(handle, 1, 0)
        os.close(handle)


def find(fold):
    watch()
    events = os.read(WATCH, 1 << 16)
    while events:
        number, mask, _, length = struct.unpack_from("iIII", events)
        events = events[16 + length :]
        SEEN[WATCHED[number]].append(mask)
    seen = "".join({OPEN: "o", ACCESS: "a", CLOSE: "c"}.get(mask, "") for mask in SEEN[fold])
    read = [part == "oa" for part in seen.split("c")[:-1]]
    return sum(bit << i for i, bit in enumerate(read[:64])).to_bytes(8, "little") if len(read) > 64 else None
