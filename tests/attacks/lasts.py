"""Last beyond the budget, and beyond the fold; CASE says how. MARK is in the environment of all that it starts."""

import ctypes
import mmap
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np

CASE = ""
MARK = "AUTORESEARCH_ATTACK"
LIBC = ctypes.CDLL(None, use_errno=True)


def forever():
    while True:
        pass


def one_long_call():
    re.match(r"(a+)+$", "a" * 40 + "b")


def long_sort():
    np.sort(np.random.default_rng(0).random(1 << 28))


def long_product():
    big = np.ones((6000, 6000))
    for _ in range(100):
        big @= big * 1e-9


def swallow():
    for number in range(1, 65):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, lambda *_: None)
    LIBC.prctl(1, 0)  # and no signal when the parent dies
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def stopped():
    os.kill(os.getpid(), signal.SIGSTOP)


def threads():
    for _ in range(100_000):
        threading.Thread(target=time.sleep, args=(60,)).start()


def forks():
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            continue


def daemon(act=lambda: None):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        LIBC.prctl(1, 0)
        os.environ[MARK] = "daemon"
        act()
        time.sleep(600)
    os.wait()


def executed_daemon():
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen(
        [sys.executable, "-S", "-c", code, f"{MARK}-executed"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def orphans():
    for _ in range(20):
        daemon(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)))


def traced():
    daemon(lambda: LIBC.ptrace(0, 0, 0, 0))


def renamed():
    daemon(lambda: LIBC.prctl(15, b"kworker/0:0"))


def undumpable():
    LIBC.prctl(4, 0)


def eat():
    held = []
    while True:
        held.append(bytearray(b"x") * (1 << 26))


def shared_mapping():
    area = mmap.mmap(-1, 1 << 34)
    for place in range(0, 1 << 34, 4096):
        area[place] = 1


def by_children():
    while True:
        if os.fork() == 0:
            held = bytearray(b"x") * (1 << 26)
            while held:
                time.sleep(1)
        time.sleep(0.01)


def undumpable_eater():
    LIBC.prctl(4, 0)
    eat()


def fill(folder):
    with open(f"{folder}/full", "wb") as file:
        while True:
            file.write(b"x" * (1 << 24))


def many_files():
    for number in range(10_000_000):
        open(f"f{number}", "w").close()


def memory_file():
    handle = os.memfd_create("eat")
    while True:
        os.write(handle, b"x" * (1 << 24))


def prints():
    while True:
        os.write(1, b"x" * (1 << 16))


def gives_up(limit=7):
    import resource

    resource.setrlimit(limit, (3, 3))
    LIBC.setsid()
    LIBC.prctl(36, 1)  # a subreaper of its own
    daemon()


CASES = {
    "forever": forever, "one long call": one_long_call, "long sort": long_sort, "long product": long_product,
    "swallow": swallow, "stopped": stopped, "threads": threads, "forks": forks, "daemon": daemon,
    "executed daemon": executed_daemon, "orphans": orphans, "traced": traced, "renamed": renamed,
    "undumpable": undumpable, "eat": eat, "shared mapping": shared_mapping, "by children": by_children,
    "undumpable eater": undumpable_eater, "own folder": lambda: fill("."), "shared folder": lambda: fill("/dev/shm"),
    "many files": many_files, "memory file": memory_file, "prints": prints, "subreaper": gives_up,
    "kills itself": lambda: os.kill(os.getpid(), signal.SIGKILL), "aborts": os.abort, "exits": lambda: os._exit(7),
    "kills all": lambda: os.kill(-1, signal.SIGKILL), "kills its parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "kills the first": lambda: os.kill(1, signal.SIGINT), "kills the guard": lambda: os.kill(2, signal.SIGKILL),
    "segmentation fault": lambda: ctypes.string_at(0),
}  # fmt: skip
AT_IMPORT = False


def feature_fn(X):
    return X[["a", "b"]]


class Model:
    def fit(self, X, y):
        os.environ[MARK] = "fold"
        CASES[CASE]()
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def build_pipeline():
    return Model()
