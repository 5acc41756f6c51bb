"""The system calls that a fold's process is refused, and the filter program that refuses them.

Refused is what passes a message to another fold past Landlock and namespaces (locks, inotify, keyrings,
System V and POSIX queues, sockets, file times and modes, marks on open files and inodes, limits and priorities
of other processes, waits on shared memory, which pages are in memory), what looks into other processes, and what
could undo the confinement. A few calls that libraries make in passing (chmod, utime, affinity) succeed without effect.
"""

import errno
import os
import struct

__all__ = ["program", "supported"]

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
X32 = 0x40000000  # x86_64's second set of numbers, refused whole

Numbers = dict[str, tuple[int | None, int | None]]
"""Name to number on x86_64 and on aarch64."""

REFUSED: Numbers = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "process_mrelease": (448, 448),
    "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "flock": (73, 32), "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "mincore": (27, 232),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "setxattrat": (463, 463), "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467), "sethostname": (170, 161), "setdomainname": (171, 162),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "reboot": (169, 142), "syslog": (103, 116), "acct": (163, 89), "swapon": (167, 224), "swapoff": (168, 225),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "quotactl": (179, 60), "quotactl_fd": (443, 443),
}  # fmt: skip
ABSENT: Numbers = {
    "clone3": (435, 435),  # glibc then uses clone, whose flags can be seen
    "cachestat": (451, 451), "preadv2": (327, 286), "futex_waitv": (449, 449), "futex_wake": (454, 454),
    "futex_wait": (455, 455), "futex_requeue": (456, 456),
}  # fmt: skip
IDLE: Numbers = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "sched_setaffinity": (203, 122), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274), "ioprio_set": (251, 30), "fadvise64": (221, 223),
}  # fmt: skip

# Calls that depend on an argument: on one of its 32-bit halves only, all that these calls look at.
CLONE, CLONE_FLAGS = (56, 220), 0x7E021000  # namespaces, and a descriptor of the process, whose inode counts forks
FCNTL = (72, 25)
FCNTL_COMMANDS = (*range(5), 1030, *range(1031, 1035))  # duplicate, flags, size of a pipe, seals; no locks, no hints
IOCTL, IOCTL_TERMINAL = (16, 29), 0x54  # terminals and pipes; others mark files that can be read
CLOCK_GETTIME, OTHER_PROCESS = (228, 113), 0x80000000
PRLIMIT, SETPRIORITY = (302, 261), (141, 140)
MADVISE = (28, 233)
FUTEX, SHARED_WAITS = (202, 98), (0, 6, 9, 11, 13)  # on files that two folds map; a private one has a flag more
MADVICE = (12, 20, 21)  # sharing of equal pages, and taking pages out of memory

# Classic BPF over struct seccomp_data: number at 0, architecture at 4, arguments from 16, 8 bytes each.
LOAD, EQUAL, SET, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
FIRST, SECOND, THIRD = 16, 24, 32


def supported() -> bool:
    """Whether this machine's system call numbers are known here."""
    return os.uname().machine in ARCHITECTURES


def program() -> bytes:
    """The filter for this machine, packed as struct sock_filter."""
    column, architecture = ARCHITECTURES[os.uname().machine]
    refuse, absent = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
    code = [
        _step(LOAD, 0, 0, 4),
        _step(EQUAL, 1, 0, architecture),
        _step(RETURN, 0, 0, refuse),
        _step(LOAD, 0, 0, 0),
        _step(AT_LEAST, 0, 1, X32),
        _step(RETURN, 0, 0, refuse),
    ]
    for table, answer in ((REFUSED, refuse), (ABSENT, absent), (IDLE, ERRNO)):
        for numbers in table.values():
            if numbers[column] is not None:
                code += [_step(EQUAL, 0, 1, numbers[column] or 0), _step(RETURN, 0, 0, answer)]
    no_terminal = ERRNO | errno.ENOTTY
    code += _call(CLONE[column], [_step(LOAD, 0, 0, FIRST), _step(SET, 0, 1, CLONE_FLAGS)], refuse, ALLOW)
    code += _call(FCNTL[column], [_step(LOAD, 0, 0, SECOND), *_among(FCNTL_COMMANDS)], ALLOW, refuse)
    kind = [_step(LOAD, 0, 0, SECOND), _step(AND, 0, 0, 0xFF00), _step(EQUAL, 0, 1, IOCTL_TERMINAL << 8)]
    code += _call(IOCTL[column], kind, ALLOW, no_terminal)
    other = [_step(LOAD, 0, 0, FIRST), _step(SET, 0, 1, OTHER_PROCESS)]
    code += _call(CLOCK_GETTIME[column], other, ERRNO | errno.EINVAL, ALLOW)
    code += _call(PRLIMIT[column], [_step(LOAD, 0, 0, FIRST), _step(EQUAL, 0, 1, 0)], ALLOW, refuse)
    own = [_step(LOAD, 0, 0, FIRST), _step(EQUAL, 0, 3, 0), _step(LOAD, 0, 0, SECOND), _step(EQUAL, 0, 1, 0)]
    code += _call(SETPRIORITY[column], own, ALLOW, refuse)
    code += _call(MADVISE[column], [_step(LOAD, 0, 0, THIRD), *_among(MADVICE)], ERRNO, ALLOW)
    waits = [_step(LOAD, 0, 0, SECOND), _step(AND, 0, 0, 0xFF), *_among(SHARED_WAITS)]
    code += _call(FUTEX[column], waits, ERRNO | errno.EAGAIN, ALLOW)  # who waits so then looks again, and again
    return b"".join([*code, _step(RETURN, 0, 0, ALLOW)])


def _call(number: int, test: list[bytes], met: int, otherwise: int) -> list[bytes]:
    """Answer a call by a test whose last step goes to the next where it is met, and past that where it is not."""
    return [_step(EQUAL, 0, len(test) + 2, number), *test, _step(RETURN, 0, 0, met), _step(RETURN, 0, 0, otherwise)]


def _among(values: tuple[int, ...]) -> list[bytes]:
    """Test whether what was loaded is one of `values`."""
    last = len(values) - 1
    return [_step(EQUAL, last - i, int(i == last), value) for i, value in enumerate(values)]


def _step(operation: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, value)
