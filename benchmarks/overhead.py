"""What the boundary and the engine cost beside the folds' own work. Every figure comes from one run.

    python benchmarks/overhead.py [--search]

It clones the repository into a temporary folder and works there with a service of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from autoresearch.preload import WARM, preload, rehearse
from autoresearch.service import stop

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
TRIALS = 12
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def main() -> None:
    """Run all parts and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", action="store_true", help="also a whole search, about a minute")
    options = parser.parse_args()
    os.environ.update(THREADS)  # as in a cell; before numpy is imported
    with tempfile.TemporaryDirectory(prefix="autoresearch-overhead-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        os.environ["XDG_DATA_HOME"] = folder
        os.chdir(clone)
        print("part | figure | bound")
        print("-- | -- | --")
        imports = machine()
        cells()
        steps(clone, imports)
        if options.search:
            search()
        run("stop")


def run(*arguments: str) -> tuple[float, str]:
    """Run a verb from the environment's own entry point; wall seconds and what it printed."""
    started = time.perf_counter()
    done = subprocess.run([BIN / "autoresearch", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return time.perf_counter() - started, done.stdout


def variant(source: str, number: int) -> str:
    """The baseline with another strength of shrinkage: cheap, and never a duplicate."""
    changed = source.replace("max_iter=1000", f"max_iter=1000, C={0.01 * (number + 1):.2f}")
    return changed.replace("baseline: scaled logistic regression", f"C={0.01 * (number + 1):.2f}")


def machine() -> float:
    """What this machine takes for what a boundary of processes is made of; gives the seconds of the imports."""
    started = time.perf_counter()
    preload(WARM)
    rehearse()
    imports, rounds = time.perf_counter() - started, 20
    print(f"machine: the imports of a cell | {imports:.2f} s | ")
    started = time.perf_counter()
    for _ in range(rounds):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    each = (time.perf_counter() - started) / rounds
    print(f"machine: fork, exit and wait of a process with these | {1000 * each:.1f} ms | ")
    return imports


def cells() -> None:
    """Core-milliseconds of a fold beyond its own fit and predict; and whether two cells run on two cores."""
    from autoresearch import data
    from autoresearch.cells import LocalCells
    from autoresearch.executors import InProcess
    from autoresearch.scorer import Scorer
    from autoresearch.study import load

    root = Path.cwd()
    study = load(root / "study.toml")
    prepared = data.prepare(root, study)
    source = (root / "train.py").read_text()
    repeats, folds = 5, 25

    plain = Scorer(root, study, prepared, InProcess(), root / "runs" / "predictions")
    plain.evaluate(source, repeats)
    own = statistics.median(plain.evaluate(source, repeats).cpu_s for _ in range(5)) / folds
    walls = {}
    for count in (1, 2):
        executor = LocalCells(count)
        scorer = Scorer(root, study, prepared, executor, root / "runs" / "predictions")
        scorer.evaluate(source, repeats)
        processes = [cell.process for cell in executor._cells.values()]
        rounds, before, started = 5, sum(map(_cpu, processes)), time.perf_counter()
        inside = [scorer.evaluate(source, repeats).cpu_s for _ in range(rounds)]
        walls[count] = (time.perf_counter() - started) / rounds
        used = (sum(map(_cpu, processes)) - before) / rounds / folds
        scorer.close()
        print(f"fold, {count} cells: all its processes | {1000 * used:.1f} core-ms | ")
        print(f"fold, {count} cells: its own child | {1000 * statistics.median(inside) / folds:.1f} core-ms | ")
        print(f"fold, {count} cells: beyond fit and predict ({1000 * own:.1f} ms in one warm process) "
              f"| {1000 * (used - own):.1f} core-ms | 20")  # fmt: skip
    print(f"two cells against one | {walls[1] / walls[2]:.2f} x | 2")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def steps(clone: Path, imports: float) -> None:
    """Wall clock of a warm step beyond the folds, and the same trials with a fresh Python process each."""
    run("start", "overhead")
    source = (clone / "train.py").read_text()
    common = (clone / ".git").resolve()
    assert stop(common), "there was a service to stop"
    (clone / "train.py").write_text(variant(source, TRIALS))
    cold, _ = run("step")
    cores = len(os.sched_getaffinity(0))
    pause = cold - _last_cpu() / cores
    warm, beyond, bare = [], [], _timed([BIN / "autoresearch", "--help"])
    for number in range(TRIALS):
        (clone / "train.py").write_text(variant(source, number))
        wall, _ = run("step")
        warm.append(wall)
        beyond.append(wall - _last_cpu() / cores)
    print(f"warm step, 25 folds | {statistics.median(warm):.2f} s | ")
    print(f"warm step beyond the folds' CPU / cores | {statistics.median(beyond):.2f} s | 0.3")
    print(f"of which starting any command | {bare:.2f} s | ")
    print(f"first step after a pause, beyond its folds' CPU / cores | {pause:.2f} s | ")
    added = pause - statistics.median(beyond)
    print(f"of which the pause, beyond a warm step | {added:.2f} s | {imports:.2f} s, the imports")
    fresh = [_fresh(clone, variant(source, number)) for number in range(TRIALS)]
    ratio = statistics.median(fresh[1:]) / statistics.median(warm[1:])
    print(f"a fresh Python process per trial, the same {TRIALS} trials | {statistics.median(fresh):.2f} s | ")
    print(f"a step against it, after the first | {ratio:.1f} x | 10")


def _last_cpu() -> float:
    """CPU seconds of the folds of the last trial."""
    last = json.loads(run("status", "--json")[1])["trials"] - 1
    return next(float(line[7:]) for line in run("show", str(last))[1].splitlines() if line.startswith("cpu_s: "))


def _fresh(clone: Path, source: str) -> float:
    """A trial as a plain script: import, read, 25 folds, print."""
    script = clone / "runs" / "fresh_trial.py"
    script.parent.mkdir(exist_ok=True)
    (script.parent / "candidate.py").write_text(source)
    script.write_text((ROOT / "benchmarks" / "fresh_trial.py").read_text())
    return _timed([sys.executable, str(script), str(clone / "data" / "heart.parquet")])


def _timed(command: list[object]) -> float:
    started = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True, env=os.environ | THREADS)
    return time.perf_counter() - started


def search() -> None:
    """Wall clock of a whole search against the CPU of its children, and the scorer's peak memory."""
    from autoresearch.workspace import open_workspace

    run("stop")
    subprocess.run(["git", "checkout", "-q", "."], check=True)
    subprocess.run(["git", "switch", "-q", "main"], check=True)
    run("start", "warm")  # the service is up
    started = time.perf_counter()
    run("search")
    wall = time.perf_counter() - started
    workspace = open_workspace()
    trials = workspace.history("warm").trials[1:]
    cores = len(os.sched_getaffinity(0))
    ideal = sum(trial.cpu_s for trial in trials) / cores
    print(f"search, {len(trials)} trials | {wall:.1f} s | ")
    print(f"search against its children's CPU / cores | {wall / ideal:.2f} x | 1.3")
    services = [
        p for p in psutil.process_iter(["cmdline"]) if "autoresearch.server" in " ".join(p.info["cmdline"] or [])
    ]
    mine = [p for p in services if str(workspace.git.common_dir) in (p.info["cmdline"] or [])]
    peaks = [_peak_mb(process.pid) for process in mine]
    print(f"scorer's peak memory | {max(peaks, default=0):.0f} MB | 600")


def _peak_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
