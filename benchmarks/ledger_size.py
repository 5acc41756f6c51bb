"""What a long record costs: `status` and `insights` over a synthetic ledger, as a person runs them.

    python benchmarks/ledger_size.py [--trials 100000] [--rounds 5]

A run with so many trials is entered into a repository in a temporary folder: every composition of the library as its
files have it, then settings of its parameters; some crash, some are kept. Each command is then run as a process of its
own, in turns; the median wall time is printed beside the bound, with the CPU time, which a busy machine does not
stretch, and with what starting Python and any command takes.
"""

import argparse
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fakes import TAG, a_trial, make_loop, repository, version  # noqa: E402 - the tests' folder is no package

from autoresearch.ledger import _trial_row  # noqa: E402
from autoresearch.library import compositions  # noqa: E402
from autoresearch.trial import State, Trial, Verdict  # noqa: E402

BOUND = 0.5  # seconds
REPEATS, FOLDS = 5, 5
COMMANDS = {
    "--help": ["--help"],
    "status": ["status"],
    "insights": ["insights"],
    "insights --json": ["insights", "--json"],
}
FACE = ("study.toml", "prepare.py", "program.md", ".gitignore")


def main() -> None:
    """Make the ledger and print one row per command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autoresearch-ledger-") as folder:
        os.environ["XDG_DATA_HOME"] = str(Path(folder) / "user-data")
        root = make(Path(folder) / "study", options.trials)
        size = sum(path.stat().st_size for path in (root / ".git" / "autoresearch").glob("ledger.sqlite3*"))
        print(f"{options.trials} trials, {size / 1e6:.0f} MB\n")
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ("python -c pass", *COMMANDS)}
        for _ in range(options.rounds + 1):  # the first one warms the file system
            taken["python -c pass"].append(run(root, "-c", "pass"))
            for name, words in COMMANDS.items():
                taken[name].append(run(root, "-m", "autoresearch", *words))
    print("command | median wall s | median CPU s | wall / bound")
    print("-- | -- | -- | --")
    for name, each in taken.items():
        wall, cpu = (statistics.median(column) for column in zip(*each[1:], strict=True))
        print(f"{name} | {wall:.3f} | {cpu:.3f} | {wall / BOUND:.2f}")


def run(root: Path, *words: str) -> tuple[float, float]:
    """Wall and CPU seconds of a Python process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=root, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make(root: Path, count: int) -> Path:
    """Make a repository on a run's branch whose ledger has `count` trials."""
    files = {name: (ROOT / name).read_text() for name in FACE}
    repository(root, {**files, "train.py": version(0, "scores: 0.8", "baseline")})
    loop = make_loop(root)
    loop.start(TAG)
    ledger, rng = loop.workspace.ledger, np.random.default_rng(0)
    with ledger.transaction():
        for trial, choice, params in itertools.islice(trials(rng), count - 1):
            ledger._insert("trial", _trial_row(trial))
            ledger._choose(TAG, trial.n, choice, params)
    loop.repair()
    ledger.close()
    return root


def trials(rng: np.random.Generator) -> Iterator[tuple[Trial, dict[str, str], dict[str, float]]]:
    """Compositions as they are, then with parameters; a source is as long as a composed one."""
    space = compositions("binary")
    sources = [composition.source("x") for composition in space]
    worth = {variant: rng.normal(0, 0.02) for composition in space for variant in composition.choice}
    record = 0.8
    for n in itertools.count(1):
        place = n - 1 if n <= len(space) else int(rng.integers(len(space)))
        choice = {variant.slot: variant.name for variant in space[place].choice}
        params = {} if n <= len(space) else {"model.C": float(rng.uniform())}
        trial = replace(a_trial(n), source=f"# {n}\n{sources[place]}", hypothesis=f"composition {place}, {n}")
        if n % 20 == 7:
            error = f"ValueError: reason {n % 3}"
            yield replace(trial, state=State.CRASHED, verdict=None, scores=(), score=None, error=error), choice, params
            continue
        centre = 0.78 + sum(worth[variant] for variant in space[place].choice) + rng.normal(0, 0.005)
        scores = tuple(
            tuple(row) for row in np.clip(centre + rng.normal(0, 0.03, (REPEATS, FOLDS)), 0.01, 0.98).tolist()
        )
        score = float(np.mean(scores))
        kept = score > record + 0.005
        record, delta = (score if kept else record), score - record
        verdict = Verdict.KEEP if kept else Verdict.DISCARD
        yield replace(trial, scores=scores, score=score, delta=delta, delta_se=0.01, verdict=verdict), choice, params


if __name__ == "__main__":
    main()
