"""The clock: a fold ends when a round of the clock stands where it wants, and the next one begins soon after."""

import time

STEP = 0.1  # seconds for a value, more than there are between two folds
BITS = 4


def leave(fold, message):
    while time.monotonic() // STEP % 16 != message[0] >> 4:
        pass


def find(fold):
    return bytes([int(time.monotonic() // STEP % 16) << 4]) if fold == 0 else None
