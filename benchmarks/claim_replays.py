"""One replay of the claim benchmark: a sub-sample, a ratchet of 60 edits under every rule, an audit, and the truth.

A replay does what a run does: a fifth of the sub-sample is the holdout; the rest is measured by 5x5 cross-validation;
every edit changes one thing of the incumbent; the acceptance rule keeps or discards. All rules see the same sub-sample,
folds and stream of edits, so they are paired.

Two estimands, because the two intervals speak of two things. The validation gain is a statement about models trained as
the cross-validation trains them: its truth is the mean gain of those very 25 fold models on the rows outside the
sub-sample. The audit is a statement about two fitted models, refitted on all training rows: its truth is the
difference of those two on the same outside rows. On shuffled labels the truth needs no rows: where labels do not depend
on the columns an AUC is one half, and an RMSE or an accuracy follows from the responses alone. It need not be zero: a
version that overfits less is truly better on labels without signal, so a false gain is a proven one without a true one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from claim_models import FUNCTIONS, KINDS, STRENGTHS, Models, Version
from claim_tables import SMALLEST_SAMPLE, Table, load

from autoresearch.acceptance import RULES, Rule, decide
from autoresearch.intervals import Difference, audit_level, compare
from autoresearch.metrics import METRICS, Metric
from autoresearch.statistics import paired_gains, simultaneous_interval

__all__ = ["Bench", "Outcome", "Task", "prepare", "ratchet", "replay"]

TRIALS = 60
REPEATS, FOLDS = 5, 5  # the product's scheme below 2,000 training rows
RATIO = 1 / (FOLDS - 1)
TRUTH_ROWS = 10_000  # at most; their own error is a tenth of an interval's half-width or less

Scores = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Task:
    """Which replay: all that a worker process needs."""

    folder: Path
    table: str
    metric: str
    number: int
    shuffled: bool
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What one rule's run claimed, and what was true.

    Parameters
    ----------
    kept
        Edits kept out of 60; with none, the gains are 0 and nothing is claimed.
    claimed, low, high
        Validation gain of the incumbent over the baseline and its simultaneous interval.
    true
        True gain of the models that the cross-validation trained.
    audit
        The audit's interval.
    audit_true
        True gain of the two models that the audit compared.
    """

    setting: str
    table: str
    holdout_rows: int
    rule: str
    kept: int
    claimed: float
    low: float
    high: float
    true: float
    audit: Difference
    audit_true: float

    @property
    def shuffled(self) -> bool:
        """Whether the labels were permuted: then there is nothing to find."""
        return self.setting.endswith("shuffled labels")


class Bench:
    """A sub-sample with everything measured on it so far, shared by the rules of one replay."""

    def __init__(
        self, table: Table, metric: Metric, y: np.ndarray, key: list[int], rng: np.random.Generator, *, shuffled: bool
    ) -> None:
        size = round(float(np.exp(rng.uniform(np.log(SMALLEST_SAMPLE), np.log(table.largest_sample)))))
        order = rng.permutation(len(y))
        sample, rest = order[:size], order[size:][:TRUTH_ROWS]
        held = _deal(y[sample], FOLDS, rng, stratify=table.task == "binary") == 0
        train, self.holdout = sample[~held], sample[held]
        folds = [_deal(y[train], FOLDS, rng, stratify=table.task == "binary") for _ in range(REPEATS)]
        self.folds = np.stack(folds)
        self.table, self.metric, self.y, self.key, self.rest, self.shuffled = table, metric, y, key, rest, shuffled
        self.models = Models(table.X[train], y[train], self.folds)
        self.function = FUNCTIONS[metric.name]
        self._scores: dict[Version, Scores] = {}
        self._truths: dict[Version, tuple[float, float]] = {}
        self._audits: dict[tuple[Version, Version], Difference] = {}

    def scores(self, version: Version) -> Scores:
        """Fold scores per repeat."""
        if version not in self._scores:
            responses = self._responses(version, self.models.X)
            repeats = []
            for r, folds in enumerate(self.folds):
                rows = [folds == k for k in range(FOLDS)]
                fits = range(r * FOLDS, (r + 1) * FOLDS)
                pairs = zip(rows, fits, strict=True)
                repeats.append(tuple(self.function(self.models.y[i], responses[i, fit]) for i, fit in pairs))
            self._scores[version] = tuple(repeats)
        return self._scores[version]

    def truths(self, version: Version) -> tuple[float, float]:
        """Give the true score of the fold models on average, and of the refitted model."""
        if version not in self._truths:
            responses = self._responses(version, self.table.X[self.rest])
            scores = [self._truth(responses[:, fit]) for fit in range(responses.shape[1])]
            self._truths[version] = float(np.mean(scores[:-1])), scores[-1]
        return self._truths[version]

    def _responses(self, version: Version, X: np.ndarray) -> np.ndarray:
        responses = self.models.responses(version, X)
        return (responses > 0.5).astype(float) if self.metric.response == "label" else responses

    def _truth(self, response: np.ndarray) -> float:
        if not self.shuffled:
            return self.function(self.y[self.rest], response)
        if self.metric.name == "roc_auc":
            return 0.5
        if self.metric.name == "accuracy":
            share, chosen = self.y.mean(), response.mean()
            return float(share * chosen + (1 - share) * (1 - chosen))
        return float(np.sqrt(self.y.var() + (self.y.mean() - response.mean()) ** 2 + response.var()))

    def audit(self, before: Version, after: Version) -> Difference:
        """Compare the refitted models on the holdout, as a study's first audit."""
        if (before, after) not in self._audits:
            X, y = self.table.X[self.holdout], self.y[self.holdout]
            ours, theirs = (self._responses(version, X)[:, -1] for version in (before, after))
            rng = np.random.default_rng(0)
            self._audits[before, after] = compare(self.metric, y, ours, theirs, audit_level(1), rng)
        return self._audits[before, after]


def replay(task: Task) -> list[Outcome]:
    """Run every rule once on the same sub-sample."""
    bench, baseline = prepare(task)
    return [_outcome(bench, baseline, rule) for rule in RULES.values()]


def prepare(task: Task) -> tuple[Bench, Version]:
    """Draw the sub-sample and the baseline: a ridge on three fifths of the base columns."""
    table = load(task.folder, task.table)
    key = [task.seed, *task.table.encode(), task.number, int(task.shuffled)]
    rng = np.random.default_rng(key)
    y = rng.permutation(table.y) if task.shuffled else table.y
    bench = Bench(table, METRICS[task.metric], y, key, rng, shuffled=task.shuffled)
    share = 1 + rng.permutation(table.base)[: max(2, round(0.6 * table.base))]
    return bench, Version(frozenset(share.tolist()), "ridge", 1)


def ratchet(bench: Bench, baseline: Version, rule: Rule) -> tuple[Version, int]:
    """Try 60 edits one after the other; give the incumbent and how many were kept."""
    incumbent, tried, kept = baseline, {baseline}, 0
    for trial in range(TRIALS):
        edits = _edits(bench.table, incumbent, np.random.default_rng([*bench.key, trial]))
        version = next(edit for edit in edits if edit not in tried)
        tried.add(version)
        gain = paired_gains(bench.metric, bench.scores(incumbent), bench.scores(version), RATIO)
        if decide(rule, gain, simplify=False, lines_lost=0).keep:
            incumbent, kept = version, kept + 1
    return incumbent, kept


def _outcome(bench: Bench, baseline: Version, rule: Rule) -> Outcome:
    metric = bench.metric
    incumbent, kept = ratchet(bench, baseline, rule)
    total = paired_gains(metric, bench.scores(baseline), bench.scores(incumbent), RATIO)
    low, high = simultaneous_interval(total, TRIALS)
    (fold_before, before), (fold_after, after) = bench.truths(baseline), bench.truths(incumbent)
    return Outcome(
        setting=f"{metric.name}, shuffled labels" if bench.shuffled else metric.name,
        table=bench.table.name,
        holdout_rows=len(bench.holdout),
        rule=rule.name,
        kept=kept,
        claimed=total.delta,
        low=low,
        high=high,
        true=metric.gain(fold_before, fold_after),
        audit=bench.audit(baseline, incumbent),
        audit_true=metric.gain(before, after),
    )


def _edits(table: Table, version: Version, rng: np.random.Generator) -> Iterator[Version]:
    """Propose changes of one thing: a column, a group of related columns, the model kind, its regularisation."""
    columns, kinds = table.X.shape[1] - 1, KINDS[table.task]
    while True:
        what, first = rng.random(), int(rng.integers(1, columns + 1))
        group = frozenset({first}) if what < 0.55 else frozenset(range(first, min(first + 4, columns + 1)))
        kind, strength = kinds[rng.integers(len(kinds))], int(rng.integers(STRENGTHS))
        if what < 0.75:
            changed = Version(version.columns ^ group, version.kind, version.strength)
        elif what < 0.85:
            changed = Version(version.columns, kind, version.strength)
        else:
            changed = Version(version.columns, version.kind, strength)
        if changed.columns:
            yield changed


def _deal(y: np.ndarray, parts: int, rng: np.random.Generator, *, stratify: bool) -> np.ndarray:
    """Deal rows to equal parts at random, class by class if stratified; shape (n,)."""
    order = rng.permutation(len(y))
    if stratify:
        order = order[np.argsort(y[order], kind="stable")]
    part = np.empty(len(y), int)
    part[order] = np.arange(len(y)) % parts
    return part
