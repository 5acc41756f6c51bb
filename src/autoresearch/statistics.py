"""What fold scores say: means, corrected standard errors, paired gains. Plain arithmetic on plain numbers.

This module is imported by every command, so it needs neither numpy nor scipy, whose import takes half a second.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch.metrics import Metric

__all__ = ["Gain", "corrected_se", "mean", "paired_gains", "simultaneous_interval", "t_quantile", "t_tail"]

NORMAL = statistics.NormalDist()
Repeats = Sequence[Sequence[float]]
"""Fold scores: one inner sequence per complete repeat of the cross-validation."""


@dataclass(frozen=True)
class Gain:
    """Paired fold gains of one version over another on the same folds; positive is better.

    Parameters
    ----------
    repeats
        Gains per fold, one inner tuple per shared complete repeat.
    ratio
        Validation rows per training row of a fold.
    row_se
        Standard error over rows, for the single split of large tables, which has no fold variance.
    """

    repeats: tuple[tuple[float, ...], ...]
    ratio: float
    row_se: float | None = None

    @property
    def folds(self) -> tuple[float, ...]:
        """All fold gains in one row."""
        return tuple(gain for repeat in self.repeats for gain in repeat)

    @property
    def delta(self) -> float:
        """Mean gain per fold."""
        return statistics.fmean(self.folds)

    @property
    def se(self) -> float:
        """Corrected standard error of `delta`."""
        return corrected_se(self.folds, self.ratio) if self.row_se is None else self.row_se

    def part(self, start: int, stop: int | None = None) -> "Gain":
        """Take the repeats from `start` up to `stop`."""
        return Gain(self.repeats[start:stop], self.ratio, self.row_se)


def mean(repeats: Repeats) -> float:
    """Mean over all folds of all repeats."""
    return statistics.fmean(score for repeat in repeats for score in repeat)


def corrected_se(values: Sequence[float], ratio: float) -> float:
    """Standard error of a mean over cross-validation folds, corrected for their shared training rows.

    ``sqrt((1/J + n_valid/n_train) * var(values, ddof=1))`` over J folds of all repeats.

    Parameters
    ----------
    values
        One number per fold.
    ratio
        ``n_valid / n_train`` of a fold.

    Returns
    -------
    float
        nan for fewer than two folds: there is no variance to see.

    References
    ----------
    Nadeau & Bengio (2003), Inference for the generalization error, Machine Learning 52.
    Bouckaert & Frank (2004), Evaluating the replicability of significance tests, PAKDD.
    """
    if len(values) < 2:
        return math.nan
    centre = math.fsum(values) / len(values)  # statistics.variance counts in fractions, a hundred times slower
    variance = math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt((1 / len(values) + ratio) * variance)


def paired_gains(metric: Metric, before: Repeats, after: Repeats, ratio: float, row_se: float | None = None) -> Gain:
    """Pair the folds of two versions over the complete repeats that both have.

    Raises
    ------
    ValueError
        They share no complete repeat.
    """
    shared = min(len(before), len(after))
    if shared == 0:
        raise ValueError("the two versions share no complete repeat")
    pairs = zip(before[:shared], after[:shared], strict=True)
    gains = tuple(tuple(metric.gain(a, b) for a, b in zip(old, new, strict=True)) for old, new in pairs)
    return Gain(gains, ratio, row_se)


def simultaneous_interval(gain: Gain, comparisons: int) -> tuple[float, float]:
    """Interval for the chosen one of `comparisons` gains: Bonferroni over all of them, so approximate.

    ``delta +/- t(1 - .025/T, J - 1) * SE``; the normal quantile where the SE is over rows.
    """
    if math.isnan(gain.se):
        return math.nan, math.nan
    tail = 0.025 / max(comparisons, 1)
    quantile = -NORMAL.inv_cdf(tail) if gain.row_se is not None else t_quantile(tail, len(gain.folds) - 1)
    return gain.delta - quantile * gain.se, gain.delta + quantile * gain.se


def t_quantile(tail: float, dof: int) -> float:
    """Quantile of Student's t that leaves `tail` above it, to five digits.

    Parameters
    ----------
    tail
        In (0, 0.5).
    dof
        Degrees of freedom, at least 1.

    References
    ----------
    Hill (1970), Algorithm 396: Student's t-quantiles, Communications of the ACM 13.
    """
    if dof == 1:
        return 1 / math.tan(tail * math.pi)
    if dof == 2:
        return math.sqrt(2 / (2 * tail * (2 - 2 * tail)) - 2)
    a = 1 / (dof - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * dof
    y = (2 * d * tail) ** (2 / dof)
    if y > 0.05 + a:  # expand around the normal quantile
        x = NORMAL.inv_cdf(tail)
        y = x * x
        c += 0.3 * (dof - 4.5) * (x + 0.6) if dof < 5 else 0
        c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y * y)
    else:
        y = ((1 / (((dof + 6) / (dof * y) - 0.089 * d - 0.822) * (dof + 2) * 3) + 0.5 / (dof + 4)) * y - 1) * (
            dof + 1
        ) / (dof + 2) + 1 / y
    return math.sqrt(dof * y)


def t_tail(t: float, dof: int) -> float:
    """Probability that Student's t exceeds `t`: the finite series for whole degrees of freedom.

    References
    ----------
    Abramowitz & Stegun (1964), Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(dof))
    square = math.cos(angle) ** 2
    term, total = (math.cos(angle), 0.0) if dof % 2 else (1.0, 0.0)
    for index in range(1 + dof % 2, dof, 2):
        total += term
        term *= square * index / (index + 1)
    within = (angle + math.sin(angle) * total) * 2 / math.pi if dof % 2 else math.sin(angle) * total
    return (1 - within) / 2
