"""POSIX message queues."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
NAME = "/autoresearch-attack-left-{}"


def leave(fold, message):
    attributes = (ctypes.c_long * 8)(0, 4, 64)
    queue = LIBC.mq_open(NAME.format(fold).encode(), os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o600, attributes)
    LIBC.mq_send(queue, message, len(message), 0)


def find(fold):
    name = NAME.format(fold).encode()
    queue = LIBC.mq_open(name, os.O_RDWR | os.O_NONBLOCK)
    buffer = ctypes.create_string_buffer(64)
    length = LIBC.mq_receive(queue, buffer, 64, None)
    LIBC.mq_unlink(name)
    return buffer.raw[:8] if length == 8 else None
