"""Write-life hints of readable files (fcntl F_SET_RW_HINT): two bits a file, kept in its inode."""

import fcntl
import os

SHARED = ""
GET, SET = 1035, 1036


def leave(fold, message):
    for part, byte in enumerate(message):
        for pair in range(4):
            handle = os.open(f"{SHARED}{fold}{part}{pair}", os.O_RDONLY)
            fcntl.fcntl(handle, SET, (2 + (byte >> 2 * pair & 3)).to_bytes(8, "little"))


def find(fold):
    found = bytearray()
    for part in range(8):
        byte = 0
        for pair in range(4):
            handle = os.open(f"{SHARED}{fold}{part}{pair}", os.O_RDONLY)
            value = int.from_bytes(fcntl.fcntl(handle, GET, bytes(8)), "little")
            if value < 2:
                return None
            byte |= (value - 2) << 2 * pair
        found.append(byte)
    return bytes(found)
