"""The generation number of readable files, set by an ioctl that asks for no write access."""

import fcntl
import os
import struct

SHARED = ""
GET, SET = 0x80087601, 0x40087602  # FS_IOC_GETVERSION, FS_IOC_SETVERSION


def leave(fold, message):
    for part in range(2):
        handle = os.open(f"{SHARED}{fold}{part}", os.O_RDONLY)
        fcntl.ioctl(handle, SET, message[4 * part : 4 * part + 4] + bytes(4))


def find(fold):
    found = b""
    for part in range(2):
        handle = os.open(f"{SHARED}{fold}{part}", os.O_RDONLY)
        found += fcntl.ioctl(handle, GET, bytes(8))[:4]
    return found if struct.unpack("<Q", found)[0] else None
