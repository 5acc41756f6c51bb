"""What people do around a model: each function raises where it does not work."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

NAME = ""


def square(number):
    return number**2


def joblib_threads():
    from joblib import Parallel, delayed

    assert Parallel(n_jobs=2, prefer="threads")(delayed(square)(i) for i in range(4)) == [0, 1, 4, 9]


def joblib_loky():
    from joblib import Parallel, delayed

    assert Parallel(n_jobs=2)(delayed(square)(i) for i in range(4)) == [0, 1, 4, 9]


def joblib_multiprocessing():
    from joblib import Parallel, delayed

    assert Parallel(n_jobs=2, backend="multiprocessing")(delayed(square)(i) for i in range(4)) == [0, 1, 4, 9]


def joblib_memory():
    from joblib import Memory

    assert Memory(tempfile.mkdtemp(), verbose=0).cache(square)(3) == 9


def pool():
    with multiprocessing.get_context("fork").Pool(2) as workers:
        assert workers.map(square, range(4)) == [0, 1, 4, 9]


def pool_spawned():
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        assert workers.map(square, [3]) == [9]


def futures():
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        with kind(2) as workers:
            assert list(workers.map(square, range(3))) == [0, 1, 4]


def shared_arrays():
    from multiprocessing import shared_memory

    memory = shared_memory.SharedMemory(create=True, size=1 << 20)
    np.frombuffer(memory.buf, dtype=np.float64, count=8)[:] = 1.0
    memory.unlink()


def temporary_files():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * (1 << 20))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a").write_text("a")
        Path(folder, "a").rename(Path(folder, "b"))
    Path("here.txt").write_text("cwd")
    Path("here.txt").chmod(0o600)
    os.utime("here.txt")
    Path.home().joinpath(".cache").mkdir()
    os.link("here.txt", "there.txt")


def subprocesses():
    assert subprocess.run(["ls", "-l"], capture_output=True, check=True).stdout
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True, text=True)
    assert done.stdout == "1\n"
    assert os.popen("echo hello").read() == "hello\n"


def plots():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.plot([1, 2])
    plt.savefig("figure.png")
    assert Path("figure.png").stat().st_size


def frames():
    table = pd.DataFrame({"a": range(20_000), "b": 1.0})
    assert table.eval("a + b").iloc[-1] == 20_000
    assert len(table.query("a > 10")) == 19_989
    table.to_csv("table.csv")
    table.to_pickle("table.pkl")
    assert pd.read_csv("table.csv").shape == (20_000, 3)


def optimisation():
    from scipy.optimize import differential_evolution, minimize

    assert minimize(lambda x: (x**2).sum(), np.ones(2)).success
    assert differential_evolution(lambda x: (x**2).sum(), [(-1, 1)], maxiter=5, seed=0).fun < 1


def machine():
    import psutil

    assert psutil.virtual_memory().total > 0
    assert psutil.cpu_count()
    assert psutil.Process().memory_info().rss
    assert psutil.cpu_percent() >= 0
    assert os.getloadavg()
    assert [process.pid for process in psutil.process_iter()]
    assert os.sysconf("SC_PHYS_PAGES") > 0
    assert multiprocessing.cpu_count()
    import platform

    assert platform.platform()
    assert platform.processor() is not None


def databases():
    import sqlite3

    for name in (":memory:", "file:x?mode=memory&cache=shared"):
        with sqlite3.connect(name) as database:
            database.execute("create table t (a)")


def memory_maps():
    array = np.memmap("array.dat", dtype=np.float64, mode="w+", shape=(1000,))
    array[:] = 1
    array.flush()
    assert np.load(_saved(), mmap_mode="r").sum() == 1000


def _saved():
    np.save("saved.npy", np.ones(1000))
    return "saved.npy"


def event_loops():
    import asyncio

    async def wait():
        await asyncio.sleep(0)
        return 1

    assert asyncio.run(wait()) == 1


def warnings_and_logs():
    import logging
    import warnings

    logging.getLogger().warning("a line")
    warnings.warn("another", stacklevel=1)
    sys.stdout.write("printed" * 10_000)


def random_numbers():
    assert os.urandom(8)
    assert np.fromfile("/dev/urandom", count=1).nbytes
    import secrets
    import uuid

    assert secrets.token_hex()
    assert uuid.uuid4()
    assert uuid.uuid1()


def times_and_zones():
    import time
    import zoneinfo

    assert pd.Timestamp.now(tz="UTC")
    assert zoneinfo.available_timezones() is not None
    assert time.localtime()
    assert time.process_time() > 0
    assert time.thread_time() > 0
    assert time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) > 0


class Model(LogisticRegression):
    def fit(self, X, y):
        globals()[NAME]()
        return super().fit(X, y)


def feature_fn(X):
    return X[["a", "b"]]


def build_pipeline():
    return Model()
