"""Keys in the user's keyrings."""

import ctypes

LIBC = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL, SEARCH, READ, UNLINK, SET_TIMEOUT = 248, 250, 10, 11, 9, 15
RINGS = (-4, -5, -3)  # the user's, the user's session's, the session's


def leave(fold, message):
    for ring in RINGS:
        key = LIBC.syscall(ADD_KEY, b"user", f"attack-left-{fold}".encode(), message, len(message), ring)
        LIBC.syscall(KEYCTL, SET_TIMEOUT, key, 20)


def find(fold):
    buffer = ctypes.create_string_buffer(64)
    for ring in RINGS:
        key = LIBC.syscall(KEYCTL, SEARCH, ring, b"user", f"attack-left-{fold}".encode(), 0)
        if key > 0 and LIBC.syscall(KEYCTL, READ, key, buffer, 64) == 8:
            LIBC.syscall(KEYCTL, UNLINK, key, ring)
            return buffer.raw[:8]
    return None
