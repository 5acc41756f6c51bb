"""Trials per second of a whole search, against plain processes and against a loop that isolates nothing.

    python benchmarks/throughput.py [--rounds 5]

36 compositions on `heart`, 5 folds each: logistic regression x2, random forest x3, xgboost x3, lightgbm x2 and
nearest neighbours x2, crossed with 3 views of the features. In each round, in turn: the search, with its git, ledger
and verdicts; a fresh Python process per trial (of every fifth composition, as many at a time as there are cores); a
warm loop of `cross_val_score` at the best of its settings of jobs and threads, which the first round finds.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overhead import ROOT, run

from autoresearch import library
from autoresearch.choosing import Chosen
from autoresearch.library import Composition
from autoresearch.search import Search
from autoresearch.searches import AHEAD
from autoresearch.session import open_loop
from autoresearch.tried import Tried

MODELS: dict[str, list[dict[str, Any]]] = {
    "logistic_regression": [{}],
    "logistic_shrunken": [{}],
    "random_forest": [{"min_samples_leaf": leaf} for leaf in (1, 3, 9)],
    "xgboost": [{"max_depth": depth} for depth in (2, 3, 5)],
    "lightgbm": [{}],
    "lightgbm_small": [{}],
    "nearest_neighbours": [{"n_neighbors": count} for count in (5, 25)],
}
FEATURES = ("as_is", "products", "ratios")
FOLDS = 5
EVERY = (
    5  # of the compositions, what fresh processes are made for: no divisor of the models, so that all kinds are there
)
SETTINGS = [(jobs, threads) for jobs in (1, os.cpu_count() or 1) for threads in (1, os.cpu_count() or 1)]


def main() -> None:
    """Alternate the three, and print medians of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="autoresearch-throughput-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        os.environ["XDG_DATA_HOME"] = folder
        os.chdir(clone)
        space = compositions()
        sources = [found.source(found.hypothesis()) for found in space]
        run("start", "warm")
        rates: dict[str, list[float]] = {"search": [], "fresh": [], "loop": [], "idle": []}
        settings = SETTINGS
        for number in range(rounds):
            rate, ideal = search(space, f"round-{number}")
            rates["search"].append(rate)
            rates["idle"].append(ideal)
            rates["fresh"].append(fresh(clone, sources[::EVERY]))
            found = {setting: loop(clone, sources, *setting) for setting in settings}
            rates["loop"].append(max(found.values()))
            settings = [max(found, key=lambda setting: found[setting])]
        run("stop")
    print("part | figure | bound")
    print("-- | -- | --")
    for name in ("search", "fresh", "loop"):
        print(f"{name}: trials per second | {statistics.median(rates[name]):.2f} | ")
    for first, second, bound in (
        ("search", "fresh", "at least 10"), ("loop", "fresh", ""), ("search", "loop", "at least 0.65"),
    ):  # fmt: skip
        pairs = zip(rates[first], rates[second], strict=True)
        print(f"{first} against {second} | {statistics.median(a / b for a, b in pairs):.2f} x | {bound}")
    print(f"search: wall against children's CPU / cores | {statistics.median(rates['idle']):.2f} x | at most 1.3")


@dataclass(frozen=True)
class Listed:
    """Chooses one composition after the other; the first of them is the baseline."""

    compositions: list[Composition]

    def offers(self, tried: Sequence[Tried]) -> Iterator[Chosen]:
        """Those that have not had their turn."""
        for number, found in enumerate(self.compositions[len(tried) :], len(tried)):
            names = {variant.slot: variant.name for variant in found.choice}
            yield Chosen(found.source(f"number {number}"), names, {}, "the next on the list")


def compositions() -> list[Composition]:
    """The 36, features crossed with models."""
    found = {slot: {variant.name: variant for variant in every} for slot, every in library.variants("binary").items()}
    plain = found["preprocessing"]["scale_and_encode"]
    models = [found["model"][name].at(**values) for name, all_ in MODELS.items() for values in all_]
    views = [found["features"][name] for name in FEATURES]
    return [Composition((view, plain, model)) for view, model in itertools.product(views, models)]


def search(space: list[Composition], tag: str) -> tuple[float, float]:
    """Trials per second of a search over `space`, and its wall clock over what its children's CPU would take."""
    subprocess.run(["git", "switch", "-q", "--detach", "origin/HEAD"], check=True)
    with open_loop() as loop:
        loop.start(tag)
        loop.workspace.ledger.update_run(tag, repeats=1)
        started = time.perf_counter()
        width = AHEAD * (os.cpu_count() or 1)
        history = Search(loop, 1, lambda _: None, width, chooser=Listed(space)).run(len(space), None)
        wall = time.perf_counter() - started
    trials = history.trials[1:]
    assert len(trials) == len(space) - 1, "all but the baseline, which is the first of them"
    failed = [trial for trial in trials if len(trial.scores) != 1]
    assert not failed, [trial.error for trial in failed]
    cpu = sum(trial.cpu_s for trial in trials)
    return len(trials) / wall, wall / (cpu / (os.cpu_count() or 1))


def fresh(clone: Path, sources: list[str]) -> float:
    """Trials per second with a Python process for each, as many at a time as there are cores."""

    def work(item: tuple[int, str]) -> None:
        number, source = item
        folder = clone / "runs" / f"fresh-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "candidate.py").write_text(source)
        (folder / "fresh_trial.py").write_text((ROOT / "benchmarks" / "fresh_trial.py").read_text())
        command = [sys.executable, str(folder / "fresh_trial.py"), str(table(clone)), "1"]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | threads_of(1))

    table(clone)
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, enumerate(sources)))
    return len(sources) / (time.perf_counter() - started)


def loop(clone: Path, sources: list[str], jobs: int, threads: int) -> float:
    """Trials per second of a warm process that isolates nothing; its imports are not counted."""
    command = [sys.executable, str(ROOT / "benchmarks" / "warm_loop.py"), str(table(clone)), str(jobs), str(FOLDS)]
    folder = clone / "runs" / "loop"
    folder.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(sources):
        (folder / f"candidate_{number}.py").write_text(source)
    done = subprocess.run(
        [*command, str(folder)], check=True, capture_output=True, text=True, env=os.environ | threads_of(threads)
    )
    return float(done.stdout)


def threads_of(count: int) -> dict[str, str]:
    """Settings that hold numerical libraries to so many threads."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(count))


def table(clone: Path) -> Path:
    """The training rows that the search has, with their labels."""
    from autoresearch import data
    from autoresearch.prepared import read
    from autoresearch.study import load

    path = clone / "runs" / "heart-training.parquet"
    if not path.exists():
        study = load(clone / "study.toml")
        prepared = read(clone, study)
        assert prepared
        rows = data.training(clone, study, prepared)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.X.assign(target=rows.y).to_parquet(path, index=False)
    return path


if __name__ == "__main__":
    main()
