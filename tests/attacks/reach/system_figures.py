"""Figures of the whole machine that another fold could change and this one read."""

import os
from pathlib import Path

PLACES = (
    "/proc/interrupts", "/proc/softirqs", "/proc/diskstats", "/proc/locks", "/proc/zoneinfo", "/proc/slabinfo",
    "/proc/buddyinfo", "/proc/vmallocinfo", "/proc/kpageflags", "/proc/key-users", "/proc/schedstat",
    "/proc/sys/fs/file-nr", "/proc/sys/fs/inode-nr", "/proc/sys/fs/dentry-state", "/proc/pressure/cpu",
    "/proc/1/stat", "/proc/2/stat", "/proc/1/status", "/proc/1/io", "/proc/1/fd",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory.current",
    "/sys/fs/cgroup/cpuacct/cpuacct.usage",
    "/sys/fs/cgroup/cgroup.procs", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "/sys/devices/system/node/node0/meminfo", "/sys/block", "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
CHANGING = ("/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/vmstat", "/proc/uptime")


def content(place):
    try:
        return Path(place).read_bytes() if not Path(place).is_dir() else os.listdir(place)
    except OSError:
        return b""


def reach():
    before = [content(place) for place in CHANGING]
    held = [bytearray(1 << 24) for _ in range(4)]
    sum(i * i for i in range(2_000_000))
    return any(content(place) for place in PLACES) or before != [content(place) for place in CHANGING] or not held
