"""What stopping without hope saves, and whether it changes what a search ends with: the same search, with and without.

    python benchmarks/futility.py [--tables heart pima] [--trials 20] [--rows 1200] [--results FILE]

On each table a search by the four modes makes its trials in full, every repeat of each. The record is then judged
twice, trial by trial, by the same rule: as it is, and with each trial stopped after the repeat where `futile` gives
it up. Saved is the CPU of the repeats not made; the final score is the validation mean, over all repeats, of what is
the incumbent in the end. A larger table is represented by `--rows` of its rows: with fewer than three repeats (above
2,000 rows, and in time) fewer looks are left, or none. What FILE holds is not measured again.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from against_flaml import DATA, ROOT, Line, Outer
from variants import laid

from autoresearch import acceptance, library
from autoresearch.cells import LocalCells
from autoresearch.choosing import Catalogue, Modes, library_space
from autoresearch.library import Composition
from autoresearch.metrics import Metric, lookup
from autoresearch.pruning import futile
from autoresearch.scorer import Scorer
from autoresearch.statistics import Gain, mean, paired_gains
from autoresearch.trial import State
from autoresearch.tried import Tried

SEED = 1
Repeats = tuple[tuple[float, ...], ...]


def main() -> None:
    """Search where FILE has no search yet, replay all, and print a row per table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with datasets.json")
    parser.add_argument("--tables", nargs="+", help="by name; all by default")
    parser.add_argument("--trials", type=int, default=20, help="of each search")
    parser.add_argument("--rows", type=int, default=1200, help="of a larger table")
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "futility.jsonl")
    options = parser.parse_args()
    entries = json.loads((options.data / "datasets.json").read_text())
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.touch()
    done = {json.loads(line)["table"] for line in options.results.read_text().splitlines()}
    for entry in sorted(entries, key=lambda entry: entry["rows"]):
        if entry["name"] not in done and entry["name"] in (options.tables or [entry["name"]]):
            with tempfile.TemporaryDirectory(prefix="autoresearch-futility-") as folder:
                found = searched(Outer.of(options.data, entry), options.rows, options.trials, Path(folder))
            with options.results.open("a") as file:
                file.write(json.dumps(found) + "\n")
    show([json.loads(line) for line in options.results.read_text().splitlines()])


def searched(outer: Outer, rows: int, trials: int, root: Path) -> Line:
    """Make a search's trials in full; each with its fold scores and CPU seconds, the baseline first."""
    study, prepared = laid(outer, rows, root)
    task, rule = study.study.task, acceptance.lookup(study.acceptance.rule)
    scorer = Scorer(root, study, prepared, LocalCells(), root / "predictions")
    first = library.baseline(task, messy=prepared.messy)
    found = scorer.evaluate(first.source(""), prepared.repeats)
    catalogue = Catalogue(library_space(task, prepared.things(study), messy=prepared.messy), Composition.of)
    chooser = Modes(catalogue, study.metric, found.ratio, SEED, trials + 1)
    tried = [Tried(0, {v.slot: v.name for v in first.choice}, repeats=found.scores, kept=True)]
    made: list[Line] = [{"scores": found.scores, "cpu_s": found.cpu_s}]
    best = found.scores
    while len(tried) <= trials and (chosen := next(chooser.offers(tried), None)):
        measured = scorer.evaluate(chosen.text, prepared.repeats)
        kept = measured.state is State.COMPLETE and rule.decide(
            paired_gains(study.metric, best, measured.scores, found.ratio)
        ).keep  # fmt: skip
        best = measured.scores if kept else best
        tried.append(
            Tried(len(tried), chosen.choice, chosen.params, measured.scores, measured.state, measured.error or "", kept)
        )
        if measured.state is State.COMPLETE:
            made.append({"scores": measured.scores, "cpu_s": measured.cpu_s})
    scorer.close()
    return {
        "table": outer.name, "metric": study.metric.name, "rule": rule.name, "ratio": found.ratio, "trials": made,
    }  # fmt: skip


def replayed(line: Line, *, stopping: bool) -> tuple[float, float, int, int]:
    """CPU seconds, the final incumbent's mean, trials stopped, and stopped ones that would have passed."""
    metric, rule = lookup(line["metric"]), acceptance.lookup(line["rule"])
    record = [tuple(map(tuple, trial["scores"])) for trial in line["trials"]]
    best, spent, stopped, lost = record[0], line["trials"][0]["cpu_s"], 0, 0
    for scores, trial in zip(record[1:], line["trials"][1:], strict=True):
        made = repeats_made(metric, rule, best, scores, line["ratio"]) if stopping else len(scores)
        spent += trial["cpu_s"] * made / len(scores)
        passes = rule.decide(paired_gains(metric, best, scores, line["ratio"])).keep
        stopped += made < len(scores)
        lost += passes and made < len(scores)
        if passes and made == len(scores):
            best = scores
    return spent, mean(best), stopped, lost


def repeats_made(metric: Metric, rule: acceptance.Rule, best: Repeats, scores: Repeats, ratio: float) -> int:
    """Repeats after which a trial is given up, or all of them."""
    planned = min(len(best), len(scores))

    def gain(made: int) -> Gain:
        return paired_gains(metric, best, scores[:made], ratio)

    return next((made for made in range(1, planned) if futile(rule, gain(made), planned)), len(scores))


def show(lines: list[Line]) -> None:
    """Print a row per table, then what it comes to."""
    print("table | repeats | trials | stopped | would have passed | fit time saved | final score full | stopping")
    print("-- | -- | -- | -- | -- | -- | -- | --")
    saved, changed = [], []
    for line in lines:
        full, final, _, _ = replayed(line, stopping=False)
        spent, with_stopping, stopped, lost = replayed(line, stopping=True)
        repeats = len(line["trials"][0]["scores"])
        if repeats > 2:
            saved.append(1 - spent / full)
        changed.append(with_stopping - final)
        print(
            f"{line['table']} | {repeats} | {len(line['trials']) - 1} | {stopped} | {lost} | {1 - spent / full:.0%} | "
            f"{final:.4f} | {with_stopping:.4f}"
        )
    same = sum(abs(change) < acceptance.SAME for change in changed)
    print(f"\nfinal score unchanged on {same} of {len(lines)} tables", end="")
    print(f"; median saved where a search has looks: {np.median(saved):.0%} (aim 40 %)" if saved else "")


if __name__ == "__main__":
    main()
