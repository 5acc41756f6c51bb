"""Throw a switch of the kernel that belongs to root, for the whole machine."""

from pathlib import Path


def reach():
    path = Path("/proc/sys/kernel/printk_ratelimit_burst")
    path.write_text(str(int(path.read_text()) + 1))
    return True
