"""The system calls that a fold's process is refused, and the filter program that refuses them.

Refused is what passes a message to another fold past Landlock and namespaces (locks, inotify, keyrings,
System V and POSIX queues, sockets, file times and modes), what looks into other processes, and what could
undo the confinement. A few calls that libraries make in passing (chmod, utime, affinity) succeed without effect.
"""

import errno
import os
import struct

__all__ = ["program", "supported"]

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
X32 = 0x40000000  # x86_64's second set of numbers, refused whole
NEW_NAMESPACES = 0x7E020000  # clone's flags for namespaces
LOCK_COMMANDS = (6, 7, 37, 38, 1024, 1026)  # fcntl: F_SETLK(W), F_OFD_SETLK(W), F_SETLEASE, F_NOTIFY

REFUSED: dict[str, tuple[int | None, int | None]] = {
    # name: number on x86_64, number on aarch64
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "flock": (73, 32), "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "setxattrat": (463, 463), "removexattrat": (466, 466),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "reboot": (169, 142), "syslog": (103, 116), "acct": (163, 89), "swapon": (167, 224), "swapoff": (168, 225),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "quotactl": (179, 60),
}  # fmt: skip
ABSENT: dict[str, tuple[int | None, int | None]] = {
    "clone3": (435, 435)
}  # glibc then uses clone, whose flags can be seen
IDLE: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "sched_setaffinity": (203, 122),
}  # fmt: skip
CLONE, FCNTL = (56, 220), (72, 25)

# Classic BPF over struct seccomp_data: number at 0, architecture at 4, arguments from 16, 8 bytes each.
LOAD, EQUAL, SET, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06


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
    code += [
        _step(EQUAL, 0, 3, CLONE[column]),
        _step(LOAD, 0, 0, 16),
        _step(SET, 0, 1, NEW_NAMESPACES),
        _step(RETURN, 0, 0, refuse),
        _step(LOAD, 0, 0, 0),
        _step(EQUAL, 0, 1 + 2 * len(LOCK_COMMANDS), FCNTL[column]),
        _step(LOAD, 0, 0, 24),
    ]
    for command in LOCK_COMMANDS:
        code += [_step(EQUAL, 0, 1, command), _step(RETURN, 0, 0, refuse)]
    return b"".join([*code, _step(RETURN, 0, 0, ALLOW)])


def _step(operation: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, value)
