"""Undo the confinement: new namespaces, mounts, other users, capabilities, tracing, io_uring, userfaultfd, keys."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_USER, NEW_MOUNTS, NEW_NET = 0x10000000, 0x20000, 0x40000000


def capabilities():
    with open("/proc/self/status") as status:
        held = [line.split()[1] for line in status if line.startswith(("CapEff", "CapPrm"))]
    return any(int(one, 16) for one in held)


WAYS = {
    "unshare": lambda: LIBC.unshare(NEW_USER) == 0 or LIBC.unshare(NEW_MOUNTS) == 0 or LIBC.unshare(NEW_NET) == 0,
    "clone": lambda: LIBC.syscall(56, NEW_USER | 17, 0, 0, 0, 0) > 0,
    "clone3": lambda: LIBC.syscall(435, (ctypes.c_uint64 * 11)(NEW_USER), 88) > 0,
    "setns": lambda: LIBC.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0) == 0,
    "mount": lambda: LIBC.mount(b"tmpfs", b".", b"tmpfs", 0, None) == 0,
    "remount": lambda: LIBC.mount(None, b"/", None, 0x1020, None) == 0,
    "unmount": lambda: LIBC.umount2(b"/proc/meminfo", 2) == 0,
    "chroot": lambda: LIBC.chroot(b".") == 0,
    "user": lambda: LIBC.setuid(1234) == 0,
    "capabilities": capabilities,
    "set-user-id program": lambda: os.system("su -c true >/dev/null 2>&1") == 0,
    "io_uring": lambda: LIBC.syscall(425, 8, (ctypes.c_uint32 * 64)()) >= 0,
    "userfaultfd": lambda: LIBC.syscall(323, 1) >= 0,
    "perf events": lambda: LIBC.syscall(298, (ctypes.c_uint64 * 16)(), 0, -1, -1, 0) >= 0,
    "bpf": lambda: LIBC.syscall(321, 0, (ctypes.c_uint64 * 16)(), 72) >= 0,
    "kernel key": lambda: LIBC.syscall(250, 0, -3, 1) >= 0,
    "clock": lambda: LIBC.syscall(227, 0, (ctypes.c_long * 2)(1, 1)) == 0,
    "host name": lambda: LIBC.sethostname(b"taken", 5) == 0,
    "device": lambda: LIBC.mknod(b"disk", 0o60600, 0xFE00) == 0,
    "limits": lambda: __import__("resource").setrlimit(7, (1 << 16, 1 << 16)) is None,
    "32-bit calls": lambda: False,
}
WAY = ""


def reach():
    return WAYS[WAY]()
