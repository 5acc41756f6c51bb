"""The search against FLAML one-shot: the same training rows, cores and wall time, judged on rows that neither saw.

    python benchmarks/against_flaml.py [--seconds 60] [--tables heart pima] [--splits 5] [--results FILE]

Each table is dealt into outer splits as its study would deal it: by class, by group, or forward in time. On the
training rows of each, in turns which goes first: `autoresearch search --trials 10000 --minutes 1` in a clone of its
own, whose best train.py is refitted on all of these rows; and FLAML's AutoML, its defaults, the study's metric, all
cores, told of groups and time. *Highest* is the trial with the highest mean, whether it was kept or not.

Time that counts: for FLAML the budget that it is given (its refit may follow); for the search the baseline's trial and
the command from its start to an interrupt when the seconds are over. Not counted on either side: importing libraries
ahead (the search's service, FLAML), preparing the rows, our refit. A search that ends because a score is too good to
be true is resumed, as by a person who has looked.

Each result is appended to FILE as a line of JSON, and what is there is not measured again: a killed run goes on.
"""

import argparse
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from signed_rank import BELIEVED, signed_rank, verdict

from autoresearch import data, metrics, sources
from autoresearch.drafts import draft
from autoresearch.fold import FoldTask, answer
from autoresearch.splits import Split, splits
from autoresearch.statistics import corrected_se
from autoresearch.structure import Structure, structure
from autoresearch.study import Study
from autoresearch.toml import changed
from autoresearch.workspace import open_workspace

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "../shared/data"
ROPE = 0.01  # of the baseline's distance to a perfect score
SEED = 7
LARGE, LARGE_SPLITS = 10_000, 2
RUN = "outer"
LEAST = 6.0  # seconds that a search takes at least
Line = dict[str, Any]


def main() -> None:
    """Measure what FILE lacks, then print the tables and the test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with datasets.json")
    parser.add_argument("--seconds", type=float, default=60.0, help="wall time for either")
    parser.add_argument("--tables", nargs="+", help="by name; all by default")
    parser.add_argument("--splits", type=int, default=5, help=f"outer ones; at most {LARGE_SPLITS} above {LARGE} rows")
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "against_flaml.jsonl")
    options = parser.parse_args()
    entries = json.loads((options.data / "datasets.json").read_text())
    chosen = [entry for entry in entries if entry["name"] in (options.tables or [e["name"] for e in entries])]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.touch()
    for entry in sorted(chosen, key=lambda entry: entry["rows"]):
        fill(Outer.of(options.data, entry), options.splits, options.seconds, options.results)
    names = {entry["name"] for entry in chosen}
    lines = [json.loads(line) for line in options.results.read_text().splitlines()]
    show([line for line in lines if line["table"] in names and line["seconds"] == options.seconds])


def fill(outer: "Outer", wanted: int, seconds: float, results: Path) -> None:
    """Measure and append what is not there yet."""
    done = {
        (line["split"], line["who"])
        for line in map(json.loads, results.read_text().splitlines())
        if line["table"] == outer.name and line["seconds"] == seconds
    }
    for number, split in enumerate(outer.dealt(wanted)):
        order = [("search", search), ("flaml", flaml)]
        for who, measure in order if number % 2 == 0 else reversed(order):
            if (number, who) in done:
                continue
            found = measure(outer, split, seconds, SEED + number)
            about = {"table": outer.name, "split": number, "who": who, "seconds": seconds}
            about |= {
                "metric": outer.study.metric.name,
                "rows": len(split.train),
                "tested": len(split.valid),
                "cores": os.cpu_count(),
            }
            with results.open("a") as file:
                file.write(json.dumps(about | found) + "\n")
            print(f"{outer.name}, split {number}, {who}: {found['score']:.4f}, {found['what']}", flush=True)


@dataclass(frozen=True)
class Outer:
    """A whole table, with the study that its manifest entry makes of it."""

    name: str
    study: Study
    table: pd.DataFrame
    y: np.ndarray
    classes: int
    structure: Structure

    @classmethod
    def of(cls, folder: Path, entry: Line) -> "Outer":
        """Read a table of the manifest as the product would."""
        options = ["--target", entry["target"], "--task", entry["task"]]
        for word in ("group", "time"):
            options += [f"--{word}", entry[f"{word}_column"]] if f"{word}_column" in entry else []
        with tempfile.TemporaryDirectory() as empty:
            drafted = draft(Path(empty), [str((folder / entry["file"]).resolve()), *options])
            table = sources.read(Path(empty), drafted.study, drafted.loaded).table
        found = structure(table, drafted.study)
        if found.time is not None:  # FLAML takes the rows' order for time
            order = np.argsort(found.time, kind="stable")
            table = table.iloc[order].reset_index(drop=True)
            found = found.take(order)
        target = table[drafted.study.study.target]
        classes = data._classes(drafted.study, target)
        y = data._encode(target, classes)
        return cls(entry["name"], drafted.study, table, y, len(classes), found)

    def dealt(self, wanted: int) -> list[Split]:
        """The outer splits: five folds, or as many of them as are wanted."""
        most = min(wanted, LARGE_SPLITS) if len(self.y) > LARGE else wanted
        every = splits(self.y, self.structure, stratify=self.classes > 0, repeats=1, folds=5, seed=SEED)
        return list(every)[:most]

    @property
    def features(self) -> pd.DataFrame:
        """What a model is given, of all rows."""
        return data._features(self.table, self.study).drop(columns=self.study.study.target)

    def words(self, file: str) -> list[str]:
        """What prepare.py is told to draft the same study over another file."""
        study = self.study.study
        words = [file, "--target", study.target, "--task", study.task, "--metric", self.study.metric.name]
        words += ["--positive", str(study.positive)] if study.positive is not None else []
        words += ["--group", self.study.group.column] if self.study.group else []
        return words + (["--time", self.study.time.column] if self.study.time else [])

    def score(self, split: Split, answers: np.ndarray) -> float:
        """By the study's metric on the outer test rows."""
        return self.study.metric.function(self.y[split.valid], answers)


def apart(function: Any, *arguments: Any) -> Any:
    """Call a function in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


# FLAML


def flaml(outer: Outer, split: Split, seconds: float, seed: int) -> Line:
    """FLAML one-shot, in a process of its own."""
    answers, wall, what = apart(flaml_answers, outer, split, seconds, seed)
    return {"score": outer.score(split, answers), "wall_s": wall, "what": what}


def flaml_answers(outer: Outer, split: Split, seconds: float, seed: int) -> tuple[np.ndarray, float, str]:
    """Fit FLAML on the outer training rows, answer for the test rows."""
    from flaml.automl import AutoML

    X, y = outer.features.iloc[split.train].reset_index(drop=True), outer.y[split.train]
    known = outer.structure.take(split.train)
    told: Line = {"split_type": "time"} if known.time is not None else {}
    if known.group is not None:
        told = {"split_type": "group", "groups": pd.factorize(known.group)[0]}
    started = time.perf_counter()
    model = AutoML()
    model.fit(
        X, y, task="classification" if outer.classes else "regression", metric=outer.study.metric.name,
        time_budget=seconds, n_jobs=-1, seed=seed, verbose=0, **told,
    )  # fmt: skip
    wall = time.perf_counter() - started
    test, response = outer.features.iloc[split.valid].reset_index(drop=True), outer.study.metric.response
    answers = model.predict(test) if response in ("value", "label") else model.predict_proba(test)
    answers = answers[:, 1] if response == "score" else answers
    return np.asarray(answers, dtype=float), wall, str(model.best_estimator)


# The search


def search(outer: Outer, split: Split, seconds: float, seed: int) -> Line:
    """The product's own path: a clone, prepare.py, start, search; the best of then, refitted."""
    with tempfile.TemporaryDirectory(prefix="autoresearch-outer-") as folder:
        clone, env = Path(folder) / "clone", {**os.environ, "XDG_DATA_HOME": folder}
        laid(outer, split, clone, env)
        command(clone, env, "-m", "autoresearch", "start", RUN)
        try:
            workspace = open_workspace(clone)
            before = workspace.ledger.trials(RUN)[0].wall_s
            started = time.perf_counter()
            while (left := seconds - before - (time.perf_counter() - started)) > LEAST:
                interrupted = searched(clone, env, left, seed)
                if interrupted or "SUSPICIOUS" not in (workspace.current().run.ended or ""):
                    break
                command(clone, env, "-m", "autoresearch", "resume")
            wall = before + time.perf_counter() - started
            history = workspace.current()
        finally:
            command(clone, env, "-m", "autoresearch", "stop")
        measured = [trial for trial in history.trials if trial.score is not None]
        highest = max(measured, key=lambda trial: outer.study.metric.gain(0, trial.score or 0.0))
        best = history.incumbent
        sources = {trial.n: trial.source for trial in (best, history.baseline, highest)}
        scores = {n: outer.score(split, apart(refitted, outer, split, text)) for n, text in sources.items()}
        counts = Counter(str(trial.state) for trial in history.trials)
        workspace.ledger.close()
    what = f"trial {best.n} of {len(history.trials) - 1}: {best.hypothesis}"
    about = {"baseline": scores[0], "highest": scores[highest.n], "wall_s": wall, "what": what, "states": counts}
    return {"score": scores[best.n], **about}


def searched(clone: Path, env: dict[str, str], seconds: float, seed: int) -> bool:
    """Let a search run until it ends by itself or its time is over; whether it had to be interrupted."""
    words = [sys.executable, "-m", "autoresearch", "search", "--trials", "10000", "--minutes", str(seconds / 60)]
    process = subprocess.Popen(
        [*words, "--seed", str(seed)], cwd=clone, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.communicate()
        return True
    assert process.returncode == 0, said.decode()
    return False


def laid(outer: Outer, split: Split, clone: Path, env: dict[str, str]) -> None:
    """Clone the face, and prepare and commit the study over the outer training rows."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    outer.table.iloc[split.train].reset_index(drop=True).to_parquet(clone / "outer.parquet", index=False)
    command(clone, env, "prepare.py", *outer.words("outer.parquet"))
    settings = clone / "study.toml"  # a run ends after 100 iterations unless its study says otherwise
    settings.write_text(changed(settings.read_text(), {("budget", "iterations"): 10_000}))
    command(clone, env, "prepare.py")
    who = ["-c", "user.name=A Person", "-c", "user.email=person@example.org"]
    subprocess.run(["git", *who, "commit", "-q", "-am", "the outer training rows"], cwd=clone, check=True)


def command(clone: Path, env: dict[str, str], *words: str) -> None:
    """Run a command of the product."""
    done = subprocess.run([sys.executable, *words], cwd=clone, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def refitted(outer: Outer, split: Split, source: str) -> np.ndarray:
    """A train.py fitted on all outer training rows, and its answers for the test rows."""
    response = outer.study.metric.response
    task = FoldTask((0, 0), source, split.train, outer.y[split.train], split.valid, response, outer.classes)
    return answer(task, outer.features)


# What came out


def show(lines: list[Line]) -> None:
    """Print a row per table, and the test over the tables that both have measured."""
    print(
        "\ntable | splits | baseline | FLAML | search | Δ ± SE | Δ / distance | highest | trials | search s | FLAML s"
    )
    print("-- | -- | -- | -- | -- | -- | -- | -- | -- | -- | --")
    shares = []
    for table, pairs in paired(lines):
        ours, theirs = zip(*pairs, strict=True)
        metric = metrics.lookup(ours[0]["metric"])
        gains = [metric.gain(b["score"], a["score"]) for a, b in pairs]
        baseline = mean(ours, "baseline")
        distance = abs(metric.perfect - baseline)
        ratio = float(np.mean([a["tested"] / a["rows"] for a in ours]))
        delta, se = float(np.mean(gains)), corrected_se(gains, ratio) if len(gains) > 1 else math.nan
        made = float(
            np.mean([sum(line["states"].values()) - line["states"].get("interrupted", 0) - 1 for line in ours])
        )
        shares.append(delta / distance)
        print(
            f"{table} | {len(pairs)} | {baseline:.4f} | {mean(theirs, 'score'):.4f} | {mean(ours, 'score'):.4f} | "
            f"{delta:+.4f} ± {se:.4f} | {delta / distance:+.1%} | {mean(ours, 'highest'):.4f} | {made:.0f} | "
            f"{mean(ours, 'wall_s'):.1f} | {mean(theirs, 'wall_s'):.1f}"
        )
    if not shares:
        return
    found = signed_rank(shares, ROPE, np.random.default_rng(SEED))
    print(
        f"\nBayesian signed-rank test, {len(shares)} tables, equivalent within {ROPE:.0%} of the baseline's distance "
        f"to a perfect score:\nP(search better) {found.better:.3f}, P(equivalent) {found.same:.3f}, "
        f"P(FLAML better) {found.worse:.3f}: {verdict(found)} (claimed from {BELIEVED:.0%} on)"
    )


def paired(lines: list[Line]) -> Iterator[tuple[str, list[tuple[Line, Line]]]]:
    """Tables with the pairs of the search's and FLAML's results on the same split."""
    found: dict[str, dict[int, dict[str, Line]]] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        found[line["table"]][line["split"]][line["who"]] = line
    for table, by_split in found.items():
        pairs = [(both["search"], both["flaml"]) for both in by_split.values() if len(both) == 2]
        if pairs:
            yield table, pairs


def mean(lines: Sequence[Line], key: str) -> float:
    """Mean of a figure over splits."""
    return float(np.mean([line[key] for line in lines]))


if __name__ == "__main__":
    main()
