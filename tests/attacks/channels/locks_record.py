"""Record locks (fcntl, shared ones need read access alone) and leases: a byte of a file holds a bit."""

import fcntl
import os
import struct

SHARED = ""
HELD = []
FLOCK = "hhqqi4x"  # struct flock: kind, whence, start, length, pid
OFD = {"get": 36, "set": 37}


def leave(fold, message):
    handle = os.open(f"{SHARED}{fold}", os.O_RDONLY)
    HELD.append(handle)
    bits = int.from_bytes(message, "little") | 1 << 64
    for bit in range(65):
        if bits >> bit & 1:
            for command in (OFD["set"], fcntl.F_SETLK):
                fcntl.fcntl(handle, command, struct.pack(FLOCK, fcntl.F_RDLCK, 0, bit, 1, 0))


def find(fold):
    handle = os.open(f"{SHARED}{fold}", os.O_RDONLY)
    bits = 0
    for bit in range(65):
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, 0, bit, 1, 0)
        kind = struct.unpack(FLOCK, fcntl.fcntl(handle, OFD["get"], asked))[0]
        bits |= (kind != fcntl.F_UNLCK) << bit
    return (bits & (1 << 64) - 1).to_bytes(8, "little") if bits >> 64 else None
