"""System V semaphores: a set of 65 of them, a bit each."""

import ctypes

LIBC = ctypes.CDLL(None, use_errno=True)
KEY, CREATE, SET_VALUE, GET_VALUE = 0x0A77BC, 0o1000, 16, 12


def leave(fold, message):
    found = LIBC.semget(KEY + fold, 65, CREATE | 0o600)
    bits = int.from_bytes(message, "little") | 1 << 64
    for bit in range(65):
        LIBC.semctl(found, bit, SET_VALUE, bits >> bit & 1)


def find(fold):
    found = LIBC.semget(KEY + fold, 65, 0)
    values = [LIBC.semctl(found, bit, GET_VALUE) for bit in range(65)]
    if found < 0 or values[64] != 1:
        return None
    LIBC.semctl(found, 0, 0)
    return sum(value << bit for bit, value in enumerate(values[:64])).to_bytes(8, "little")
