"""The Linux system calls behind a cell, as functions that raise OSError. Decides nothing.

Numbers above 420 are the same on every architecture.
"""

import ctypes
import os
from collections.abc import Iterable

__all__ = [
    "capabilities_drop",
    "landlock_abi",
    "landlock_restrict",
    "landlock_ruleset",
    "mount",
    "mount_read_only",
    "no_new_privileges",
    "reap",
    "seccomp",
    "set_parent_death_signal",
    "set_subreaper",
    "unmount",
    "unshare",
]

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 1, 22, 38, 36
SYS_MOUNT_SETATTR, SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount; see mount(2)."""
    encoded = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _checked(_libc.mount(encoded[0], encoded[1], encoded[2], flags, encoded[3]), f"mount {target}")


def unmount(target: str) -> None:
    """Unmount at once from sight, and for good when its last user is gone."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "namespace")]


def mount_read_only(target: str) -> None:
    """Make a mount and all below it read-only."""
    attributes = _MountAttributes(1, 0, 0, 0)
    arguments = (-100, target.encode(), 0x8000, ctypes.byref(attributes), ctypes.sizeof(attributes))
    _checked(_libc.syscall(SYS_MOUNT_SETATTR, *arguments), "mount_setattr")


def set_parent_death_signal(number: int) -> None:
    """Get a signal when the parent dies."""
    _checked(_libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl")


def set_subreaper() -> None:
    """Become the parent of whatever descendants lose theirs."""
    _checked(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def reap() -> None:
    """Wait until a child has ended; take note of the end of all that did, and of nothing else about them."""
    options = 0
    while _libc.waitpid(-1, None, options) > 0:
        options = os.WNOHANG


def no_new_privileges() -> None:
    """Give up gaining privileges by exec, for good; Landlock and seccomp ask for it."""
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def capabilities_drop() -> None:
    """Give up all capabilities, for good together with `no_new_privileges`."""
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    number = SYS_CAPSET.get(os.uname().machine, 126)
    _checked(_libc.syscall(number, ctypes.byref(header), nothing), "capset")


# Landlock

FILE_RIGHTS = 0b1100000000000111  # execute, write, read, truncate, ioctl on devices
READ_FILE, READ_FOLDER, EXECUTE = 1 << 2, 1 << 3, 1 << 0


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("fs", "net", "scoped")]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("fd", ctypes.c_int32)]


def landlock_abi() -> int:
    """Version of Landlock that the kernel offers; 0 where it has none."""
    return max(0, int(_libc.syscall(SYS_LANDLOCK_CREATE, None, 0, 1)))


def _rights(abi: int) -> int:
    """All file-system rights of an ABI: 13 at first, refer with 2, truncate with 3, device ioctl with 5."""
    return (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1


def landlock_ruleset(read: Iterable[str], lists: Iterable[str], write: Iterable[str]) -> int:
    """Make a ruleset; gives its descriptor.

    Parameters
    ----------
    read
        Files and folders to read and execute, with all below.
    lists
        Folders whose names may be listed, with all below.
    write
        Files and folders to do anything with.
    """
    abi = landlock_abi()
    rights = _rights(abi)
    ruleset = _Ruleset(rights, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    fd = _checked(_libc.syscall(SYS_LANDLOCK_CREATE, ctypes.byref(ruleset), size, 0), "landlock_create_ruleset")
    for paths, access in ((read, READ_FILE | READ_FOLDER | EXECUTE), (lists, READ_FOLDER), (write, rights)):
        for path in paths:
            _landlock_rule(fd, path, access)
    return fd


def _landlock_rule(ruleset: int, path: str, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no rule
    try:
        allowed = access if os.path.isdir(path) else access & FILE_RIGHTS
        rule = _PathBeneath(allowed, handle)
        _checked(_libc.syscall(SYS_LANDLOCK_ADD, ruleset, 1, ctypes.byref(rule), 0), f"landlock_add_rule {path}")
    finally:
        os.close(handle)


def landlock_restrict(ruleset: int) -> None:
    """Confine this process to a ruleset, for good."""
    _checked(_libc.syscall(SYS_LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")


# seccomp


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def seccomp(program: bytes) -> None:
    """Put a filter program (struct sock_filter, packed) before every system call, for good."""
    buffer = ctypes.create_string_buffer(program, len(program))
    described = _Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    _checked(_libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(described), 0, 0), "seccomp")
