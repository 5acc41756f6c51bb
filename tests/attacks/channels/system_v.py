"""System V shared memory and message queues."""

import ctypes

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
KEY, CREATE = 0x0A77AC, 0o1000


def leave(fold, message):
    segment = LIBC.shmget(KEY + fold, 64, CREATE | 0o600)
    if segment >= 0:
        address = LIBC.shmat(segment, None, 0)
        ctypes.memmove(address, message, len(message))
    queue = LIBC.msgget(KEY + fold, CREATE | 0o600)
    if queue >= 0:
        LIBC.msgsnd(queue, (1).to_bytes(8, "little") + message, len(message), 0o4000)


def find(fold):
    segment = LIBC.shmget(KEY + fold, 64, 0)
    if segment >= 0:
        found = ctypes.string_at(LIBC.shmat(segment, None, 0), 8)
        LIBC.shmctl(segment, 0, None)
        return found
    buffer = ctypes.create_string_buffer(64)
    queue = LIBC.msgget(KEY + fold, 0)
    length = LIBC.msgrcv(queue, buffer, 56, 0, 0o4000) if queue >= 0 else -1
    LIBC.msgctl(queue, 0, None)
    return buffer.raw[8:16] if length > 0 else None
