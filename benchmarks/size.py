"""What a large table costs: memory to prepare it, and a trial against the same fit in plain scikit-learn.

    python benchmarks/size.py [--rows 1000000] [--csv] [--adult ../shared/data/adult.csv]

Preparing is all that prepare.py does for a table and its target: reading, splitting, sealing, findings, the profile's
page. Every ratio comes from one run, on one core with one thread for either side: minutes for a million rows. The wall
clock counts what else runs on the machine, so the processors' time of both sides is there, too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

# before anything is imported that counts cores
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd
from boosting import build_pipeline

Answer = TypeVar("Answer")
COLUMNS = 30
TARGET = "target"
SOURCE = Path(__file__).with_name("boosting.py").read_text(encoding="utf-8")


def main() -> None:
    """Print the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large table")
    parser.add_argument("--csv", action="store_true", help="the large table as CSV, else as Parquet")
    parser.add_argument("--adult", type=Path, help="a smaller, real table to measure instead")
    parser.add_argument(
        "--rounds", type=int, default=1, help="plain and trial by turns; the median of their ratios counts"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autoresearch-size-") as folder:
        root = Path(folder)
        os.environ["XDG_DATA_HOME"] = str(root / "user-data")
        print("part | figure | bound")
        print("-- | -- | --")
        if options.adult:
            study(root, options.adult.resolve(), pd.read_csv(options.adult, nrows=1).columns[-1])
            prepared(root)
            return trials(root, options.rounds, 1.05)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # a child's peak is its parent's at least
            table = pool.submit(large, root, options.rows, csv=options.csv).result()
        study(root, table, TARGET)
        memory(root, options.rows)
        return trials(root, options.rounds, 1.15)


def large(root: Path, rows: int, *, csv: bool) -> Path:
    """Write a table of numbers of which some say something."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"x{i}": rng.standard_normal(rows) for i in range(COLUMNS - 1)})
    table[TARGET] = (table["x0"] * (1 + table["x1"]) + table["x2"] + rng.standard_normal(rows) > 0).astype("int64")
    path = root / ("large.csv" if csv else "large.parquet")
    if csv:
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


def study(root: Path, table: Path, target: str) -> None:
    """Lay the draft of a study, with hours for a trial."""
    from autoresearch.drafts import draft
    from autoresearch.toml import changed

    text = draft(root, [str(table), "--target", target]).text
    text = changed(text, {("budget", "trial_seconds"): 7200, ("budget", "memory_gb"): 16})
    (root / "study.toml").write_text(text)
    (root / "prepare.py").write_text(Path(__file__).parents[1].joinpath("prepare.py").read_text(encoding="utf-8"))
    subprocess.run(["git", "init", "-q", str(root)], check=True)


def prepared(root: Path) -> tuple[int, float, float]:
    """Run prepare.py as a person does: the peak of its process in kB, seconds by the clock and of a processor."""
    from autoresearch.study import load

    source = load(root / "study.toml").study
    started = time.perf_counter()
    words = [sys.executable, "prepare.py", source.data, "--target", source.target]
    process = subprocess.Popen(words, cwd=root, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss, time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def memory(root: Path, rows: int) -> None:
    """Peak memory of the process that prepares the study, against the table as it lies in memory."""
    peak, seconds, busy = prepared(root)
    table = rows * COLUMNS * 8 / 1024
    print(f"preparing {rows:,} rows x {COLUMNS} columns | {seconds:.1f} s, {busy:.1f} s of a processor | ")
    print(f"peak of the whole process / table ({table / 1024:.0f} MB) | {peak / table:.2f} x | 3")


def trials(root: Path, rounds: int, bound: float) -> None:
    """Wall clock of a trial in one cell against the same folds in this process, scored by the same metric."""
    from autoresearch import data
    from autoresearch.cells import LocalCells
    from autoresearch.prepared import read
    from autoresearch.scorer import Scorer
    from autoresearch.study import load

    settings = load(root / "study.toml")
    found = read(root, settings)
    assert found is not None
    rows = data.training(root, settings, found)
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})  # the cell is pinned to a core, and so is this process
    scorer = Scorer(root, settings, found, LocalCells(1), root / "predictions")
    dealt = scorer._splits(1)

    def plain() -> list[float]:
        scores = []
        for split in dealt:
            model = build_pipeline().fit(rows.X.iloc[split.train], rows.y[split.train])
            response = model.predict_proba(rows.X.iloc[split.valid])[:, 1]
            scores.append(settings.metric.function(rows.y[split.valid], response))
        return scores

    with scorer.executor.hold():
        pass  # a cell is started once, too
    started = time.perf_counter()
    scorer._matrix().fd  # noqa: B018 - a table is shared once, not for each trial
    print(f"sharing the features, once | {time.perf_counter() - started:.2f} s | ")
    plains, trials = [], []
    for _ in range(rounds):
        expected, used = timed(plain)
        plains.append(used)
        evaluation, used = timed(lambda: scorer.evaluate(SOURCE, 1))
        assert evaluation.state == "complete", evaluation.error
        trials.append((used[0], used[1] + evaluation.cpu_s))  # its folds' processes are none of this one's
    scorer.close()
    by_plain, by_trial = np.median(plains, axis=0)[0], np.median(trials, axis=0)[0]
    ratio, busy = np.median(np.divide(trials, plains), axis=0)
    print(f"{len(dealt)} fits of boosting on {len(dealt[0].train):,} rows, plain | {by_plain:.1f} s | ")
    print(
        f"the same as a trial (scores {np.mean(expected):.4f}, {np.mean(evaluation.scores):.4f}) | {by_trial:.1f} s | "
    )
    print(f"trial / plain, median of {rounds} rounds, wall clock | {ratio:.3f} x | {bound}")
    print(f"the same, time of a processor | {busy:.3f} x | {bound}")
    print(f"peak memory of the fold's process | {evaluation.peak_mb:.0f} MB | ")


def timed(work: Callable[[], Answer]) -> tuple[Answer, tuple[float, float]]:
    """What `work` gives, its wall clock, and this process's time of a processor."""
    started = time.perf_counter(), time.process_time()
    found = work()
    return found, (time.perf_counter() - started[0], time.process_time() - started[1])


if __name__ == "__main__":
    main()
