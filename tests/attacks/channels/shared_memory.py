"""POSIX shared memory and named semaphores, which are files in /dev/shm."""

from multiprocessing import resource_tracker, shared_memory

NAME = "autoresearch-attack-left-{}"
HELD = []
resource_tracker.register = lambda *_: None


def leave(fold, message):
    memory = shared_memory.SharedMemory(NAME.format(fold), create=True, size=64)
    HELD.append(memory)
    memory.buf[:8] = message


def find(fold):
    memory = shared_memory.SharedMemory(NAME.format(fold))
    HELD.append(memory)
    found = bytes(memory.buf[:8])
    memory.unlink()
    return found
