"""Which pages of a readable file are in memory: a page a bit, read with mincore, cachestat or preadv2."""

import ctypes
import mmap
import os

SHARED = ""
PAGE = mmap.PAGESIZE
GAP = 64  # pages between two bits, more than is read ahead
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
LIBC.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
CACHESTAT, NOT_WAITING = 451, 0x8


def leave(fold, message):
    bits = int.from_bytes(message, "little") | 1 << 64
    handle = os.open(f"{SHARED}{fold}", os.O_RDONLY)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_RANDOM)
    for bit in range(65):
        if bits >> bit & 1:
            os.pread(handle, 1, bit * GAP * PAGE)


def resident(handle, size, page):
    for way in (by_mincore, by_cachestat, by_preadv2):
        found = way(handle, size, page)
        if found is not None:
            return found
    return False


def by_mincore(handle, size, page):
    address = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, handle, 0)
    answer = ctypes.create_string_buffer(1)
    failed = LIBC.mincore(address + page * PAGE, PAGE, answer)
    return None if failed else bool(answer.raw[0] & 1)


def by_cachestat(handle, size, page):
    place, answer = (ctypes.c_uint64 * 2)(page * PAGE, PAGE), (ctypes.c_uint64 * 5)()
    failed = LIBC.syscall(CACHESTAT, handle, place, answer, 0)
    return None if failed else answer[0] > 0


def by_preadv2(handle, size, page):
    try:
        return os.preadv(handle, [bytearray(1)], page * PAGE, NOT_WAITING) == 1
    except BlockingIOError:
        return False
    except OSError:
        return None


def find(fold):
    handle = os.open(f"{SHARED}{fold}", os.O_RDONLY)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_RANDOM)
    size = os.fstat(handle).st_size
    if not resident(handle, size, 64 * GAP) or resident(handle, size, 65 * GAP):
        return None
    return sum(resident(handle, size, bit * GAP) << bit for bit in range(64)).to_bytes(8, "little")
