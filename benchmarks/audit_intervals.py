"""Which interval the audit should use: the product's choice per metric beside the BCa bootstrap.

``python benchmarks/audit_intervals.py --replays 30`` runs ratchets as claims.py does, audits each kept incumbent with
both intervals at a study's first level, and prints how often each held the true gain.
"""

import os

# Before numpy is imported: one process, one core.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from claim_models import Version
from claim_replays import Bench, Task, prepare, ratchet
from claim_tables import Kind, names
from claims import DATA, markdown

from autoresearch.acceptance import RULES
from autoresearch.intervals import Difference, audit_level, bca, compare
from autoresearch.metrics import METRICS, Metric

CLIP = 0.02  # a ridge on 0/1 labels as a probability


@dataclass(frozen=True)
class Audited:
    """An audit's interval and the truth that it should hold."""

    holdout_rows: int
    difference: Difference
    true: float

    @property
    def covered(self) -> bool:
        """Whether the interval holds the true gain."""
        return self.difference.low <= self.true <= self.difference.high


def main() -> None:
    """Replay and print one row per metric and interval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=30, help="per table; every rule's incumbent is audited")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with datasets.json; generators alone if absent")
    options = parser.parse_args()
    start = time.perf_counter()
    found: dict[tuple[str, str], list[Audited]] = {}
    searched_by: dict[Kind, str] = {"binary": "roc_auc", "regression": "rmse"}
    for task, searched in searched_by.items():
        for table in names(options.data, task):
            for number in range(options.replays):
                bench, baseline = prepare(
                    Task(options.data, table, searched, number, shuffled=False, seed=options.seed)
                )
                incumbents = {ratchet(bench, baseline, rule)[0] for rule in RULES.values()} - {baseline}
                for incumbent in sorted(incumbents, key=repr):
                    audits(bench, baseline, incumbent, found)
    rows = [[metric, interval, *figures(audited)] for (metric, interval), audited in found.items()]
    heads = ["metric", "interval", "audits", "covered", "claims too much", "too little", "half-width", "50-99 rows"]
    print(markdown(heads, rows), f"\n\n{time.perf_counter() - start:.0f} s")


def audits(bench: Bench, before: Version, after: Version, found: dict[tuple[str, str], list[Audited]]) -> None:
    """Audit one incumbent under every metric of its task with both intervals."""
    held = [bench.models.responses(version, bench.table.X[bench.holdout])[:, -1] for version in (before, after)]
    rest = [bench.models.responses(version, bench.table.X[bench.rest])[:, -1] for version in (before, after)]
    y, y_rest = bench.y[bench.holdout], bench.y[bench.rest]
    for metric in FAST[bench.table.task]:
        shaped, truth = [shape(metric, r) for r in held], [shape(metric, r) for r in rest]
        true = metric.gain(*(metric.function(y_rest, response) for response in truth))
        for method in (compare, bca):
            difference = method(metric, y, shaped[0], shaped[1], audit_level(1), np.random.default_rng(0))
            found.setdefault((metric.name, difference.method), []).append(Audited(len(y), difference, true))


def figures(audited: list[Audited]) -> list[str]:
    """Summarise the audits of one metric and interval."""
    low = [a.true < a.difference.low for a in audited]
    high = [a.true > a.difference.high for a in audited]
    halves = [(a.difference.high - a.difference.low) / 2 for a in audited]
    small = [a.covered for a in audited if a.holdout_rows < 100]
    shares = [[a.covered for a in audited], low, high]
    return [
        str(len(audited)),
        *(f"{100 * np.mean(share):.1f} %" for share in shares),
        f"{np.median(halves):.3f}",
        f"{100 * np.mean(small):.1f} % of {len(small)}" if small else "-",
    ]


def shape(metric: Metric, response: np.ndarray) -> np.ndarray:
    """Give a response the form that the metric takes."""
    if metric.response == "label":
        return (response > 0.5).astype(float)
    if metric.response == "probability":
        positive = np.clip(response, CLIP, 1 - CLIP)
        return np.column_stack([1 - positive, positive])
    return response


def _log_loss(y: np.ndarray, response: np.ndarray) -> float:
    return float(-np.log(response[np.arange(len(y)), y.astype(int)]).mean())


def _average_precision(y: np.ndarray, response: np.ndarray) -> float:
    order = np.argsort(-response, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(response[order]) != 0, True))
    hits = y[order].cumsum()[ends]
    return float((np.diff(np.append(0, hits)) * hits / (ends + 1)).sum() / hits[-1])


def _r2(y: np.ndarray, response: np.ndarray) -> float:
    return float(1 - ((y - response) ** 2).sum() / ((y - y.mean()) ** 2).sum())


# The same numbers as scikit-learn's functions, fast enough for 8,000 calls an audit.
FAST: dict[str, list[Metric]] = {
    "binary": [
        METRICS["accuracy"],
        replace(METRICS["log_loss"], function=_log_loss),
        replace(METRICS["average_precision"], function=_average_precision),
    ],
    "regression": [METRICS["rmse"], METRICS["mae"], replace(METRICS["r2"], function=_r2)],
}

if __name__ == "__main__":
    main()
