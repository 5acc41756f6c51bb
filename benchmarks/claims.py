"""The claim benchmark: whether a reported gain holds on rows that nobody saw, under each acceptance rule.

``python benchmarks/claims.py --replays 3000 --seed 1`` replays whole runs on sub-samples of real tables and of
generators and prints what was claimed beside what was true; claim_replays.py says what a replay is. Monte-Carlo
standard errors are clustered by table: replays on one table are no independent evidence about another.
"""

import os

# Before numpy is imported: one worker, one core.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from claim_replays import Outcome, Task, replay
from claim_tables import Kind, names

from autoresearch.acceptance import RULES

METRIC_TASKS: dict[str, Kind] = {"roc_auc": "binary", "accuracy": "binary", "rmse": "regression"}
BANDS = ((50, 100), (100, 200), (200, 401))  # rows of the holdout
DATA = Path(__file__).resolve().parents[1] / "../shared/data"

Figure = Callable[[Outcome], float]


def main() -> None:
    """Replay, then print one table per setting, the audit by size of the holdout, and the aims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replays", type=int, default=3000, help="replays per rule with true labels, and as many with "
                        "shuffled ones; spread evenly over metrics and tables")  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes, of one core each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with datasets.json; generators alone if absent")
    options = parser.parse_args()
    start = time.perf_counter()
    outcomes = run(plan(options.data, options.replays, options.seed), options.workers)
    for setting in dict.fromkeys(outcome.setting for outcome in outcomes):
        print(setting_table(setting, [outcome for outcome in outcomes if outcome.setting == setting]))
    print(size_table(outcomes))
    print(rules_table(outcomes))
    print(aims_table(outcomes))
    both = len(outcomes) // len(RULES) // 2
    print(f"{both} replays per rule with true labels, {both} with shuffled ones; {time.perf_counter() - start:.0f} s")


def plan(folder: Path, replays: int, seed: int) -> list[Task]:
    """Spread the replays over metrics and tables, each with true and with shuffled labels."""
    pairs = [(metric, table) for metric, task in METRIC_TASKS.items() for table in names(folder, task)]
    each = -(-replays // len(pairs))
    return [
        Task(folder, table, metric, number, shuffled, seed)
        for metric, table in pairs
        for shuffled in (False, True)
        for number in range(each)
    ]


def run(tasks: Sequence[Task], workers: int) -> list[Outcome]:
    """Replay every task, one rule after the other."""
    if workers == 1:
        return [outcome for task in tasks for outcome in replay(task)]
    with ProcessPoolExecutor(workers) as pool:
        return [outcome for found in pool.map(replay, tasks, chunksize=8) for outcome in found]


def clustered(outcomes: Sequence[Outcome], figure: Figure) -> tuple[float, float]:
    """Mean of a figure and its standard error, clustered by table (nan below two tables)."""
    if not outcomes:
        return float("nan"), float("nan")
    values = np.array([figure(outcome) for outcome in outcomes], float)
    tables = np.array([outcome.table for outcome in outcomes])
    sums = [float((values[tables == table] - values.mean()).sum()) for table in np.unique(tables)]
    count = len(sums)
    se = float(np.sqrt(count / (count - 1) * np.square(sums).sum()) / len(values)) if count > 1 else float("nan")
    return float(values.mean()), se


def half_width(outcome: Outcome) -> float:
    """Half-width of the simultaneous interval."""
    return (outcome.high - outcome.low) / 2


def audit_half_width(outcome: Outcome) -> float:
    """Half-width of the audit's interval."""
    return (outcome.audit.high - outcome.audit.low) / 2


def covered(outcome: Outcome) -> bool:
    """Whether the simultaneous interval holds the true gain."""
    return outcome.low <= outcome.true <= outcome.high


def audit_covered(outcome: Outcome) -> bool:
    """Whether the audit's interval holds the true gain."""
    return outcome.audit.low <= outcome.audit_true <= outcome.audit.high


def bias(outcome: Outcome) -> float:
    """How much more the validation gain claims than is true."""
    return outcome.claimed - outcome.true


def audit_bias(outcome: Outcome) -> float:
    """How much more the audit claims than is true."""
    return outcome.audit.delta - outcome.audit_true


def proven(outcome: Outcome) -> bool:
    """Whether the audit declares a gain."""
    return outcome.audit.answer == "proven"


def false_gain(outcome: Outcome) -> bool:
    """Whether the audit declares a gain where there is none."""
    return proven(outcome) and outcome.audit_true <= 0


def relative(outcomes: Sequence[Outcome], figure: Figure, width: Figure) -> tuple[float, float]:
    """Mean of a figure as a share of the mean half-width."""
    mean, se = clustered(outcomes, figure)
    unit = clustered(outcomes, width)[0]
    return mean / unit, se / unit


def setting_table(setting: str, outcomes: Sequence[Outcome]) -> str:
    """One row per rule. Gains over all runs (0 where nothing was kept); coverage and widths over runs with a claim."""
    number = len({outcome.table for outcome in outcomes})
    heads = ["rule", "kept/run", "claimed", "true", "half-width", "covered", "audit gain", "audit true",
             "audit half-width", "audit covered", "proven", "false gain"]  # fmt: skip
    rows = []
    for rule in RULES:
        runs = [outcome for outcome in outcomes if outcome.rule == rule]
        claims = [outcome for outcome in runs if outcome.kept]
        rows.append([
            rule,
            f"{clustered(runs, lambda o: o.kept)[0]:.1f}",
            gain(clustered(runs, lambda o: o.claimed)),
            gain(clustered(runs, lambda o: o.true)),
            median(claims, half_width),
            percent(clustered(claims, covered)),
            gain(clustered(runs, lambda o: o.audit.delta)),
            gain(clustered(runs, lambda o: o.audit_true)),
            median(claims, audit_half_width),
            percent(clustered(claims, audit_covered)),
            percent(clustered(runs, proven)),
            percent(clustered(runs, false_gain)),
        ])  # fmt: skip
    size = len(outcomes) // len(RULES)
    return f"### {setting}: {size} replays per rule, {number} tables\n\n{markdown(heads, rows)}\n"


def size_table(outcomes: Sequence[Outcome]) -> str:
    """Coverage of the audit by rows of the holdout, all rules and both kinds of labels together."""
    claims = [outcome for outcome in outcomes if outcome.kept]
    rows = []
    for metric in METRIC_TASKS:
        cells = []
        for low, high in BANDS:
            band = [o for o in claims if low <= o.holdout_rows < high and o.setting.startswith(metric)]
            cells.append(percent(clustered(band, audit_covered)))
        rows.append([metric, *cells])
    heads = ["metric", *(f"{low}-{high - 1} rows" for low, high in BANDS)]
    return f"### Audit covered, by rows of the holdout\n\n{markdown(heads, rows)}\n"


def rules_table(outcomes: Sequence[Outcome]) -> str:
    """True gain of each rule over the first one in the same replays, true labels, of the refitted models."""
    first, *others = RULES
    rows = []
    for metric in METRIC_TASKS:
        runs = {rule: [o for o in outcomes if o.rule == rule and o.setting == metric] for rule in RULES}
        cells = []
        for rule in others:
            pairs = zip(runs[first], runs[rule], strict=True)
            more = [replace(b, audit_true=b.audit_true - a.audit_true) for a, b in pairs]
            cells.append(gain(clustered(more, lambda o: o.audit_true)))
        rows.append([metric, *cells])
    heads = ["metric", *(f"{rule} - {first}" for rule in others)]
    return f"### True gain, paired by replay\n\n{markdown(heads, rows)}\n"


def aims_table(outcomes: Sequence[Outcome]) -> str:
    """Each aim per metric and rule, met or not by its point estimate."""
    rows = []
    for metric in METRIC_TASKS:
        for name, judge in AIMS.items():
            cells = []
            for rule in RULES:
                found = [o for o in outcomes if o.rule == rule and o.setting.split(",")[0] == metric]
                figure, met = judge(found)
                cells.append(f"{percent(figure)} {'met' if met else 'NOT MET'}")
            rows.append([metric, name, *cells])
    return f"### Aims\n\n{markdown(['metric', 'aim', *RULES], rows)}\n"


def _judge_coverage(outcomes: Sequence[Outcome]) -> tuple[tuple[float, float], bool]:
    figure = clustered([o for o in outcomes if o.kept and not o.shuffled], audit_covered)
    return figure, figure[0] >= 0.95


def _judge_false_gain(outcomes: Sequence[Outcome]) -> tuple[tuple[float, float], bool]:
    figure = clustered([o for o in outcomes if o.shuffled], false_gain)
    return figure, figure[0] <= 0.05


def _judge_bias(outcomes: Sequence[Outcome]) -> tuple[tuple[float, float], bool]:
    figure = relative([o for o in outcomes if o.kept and not o.shuffled], bias, half_width)
    return figure, abs(figure[0]) <= 0.10


def _judge_audit_bias(outcomes: Sequence[Outcome]) -> tuple[tuple[float, float], bool]:
    figure = relative([o for o in outcomes if o.kept and not o.shuffled], audit_bias, audit_half_width)
    return figure, abs(figure[0]) <= 0.10


AIMS = {
    "audit covers >= 95 %": _judge_coverage,
    "P(false gain), shuffled, <= 5 %": _judge_false_gain,
    "audit: mean(claimed - true) <= 10 % of half-width": _judge_audit_bias,
    "validation: mean(claimed - true) <= 10 % of half-width": _judge_bias,
}


def gain(figure: tuple[float, float]) -> str:
    """Mean and standard error of a gain."""
    return f"{figure[0]:+.4f} ± {figure[1]:.4f}"


def percent(figure: tuple[float, float]) -> str:
    """Mean and standard error of a share, in per cent."""
    return f"{100 * figure[0]:.1f} ± {100 * figure[1]:.1f} %"


def median(outcomes: Sequence[Outcome], figure: Figure) -> str:
    """Median of a figure."""
    return f"{np.median([figure(outcome) for outcome in outcomes]):.3f}" if outcomes else "-"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
