"""The parent's account of its dead children: the page faults of one fold, read by the next in /proc/PID/stat."""

import mmap
import os
import re
import resource

UNIT = 1024  # faults a step, more than a fold has after it has counted
BASE = 10_000
BITS = 4


def leave(fold, message):
    area = mmap.mmap(-1, mmap.PAGESIZE)
    while resource.getrusage(resource.RUSAGE_SELF).ru_minflt < BASE + UNIT * (message[0] >> 4):
        area.madvise(mmap.MADV_DONTNEED)
        area[0] = 1


def find(fold):
    with open(f"/proc/{os.getppid() or 1}/stat") as file:
        fields = re.sub(r".*\)", "", file.read()).split()
    steps = (int(fields[8]) - BASE) // UNIT
    return bytes([steps << 4]) if fold == 0 and 0 <= steps < 16 else None
