"""What fold scores say: means, corrected standard errors, paired gains. Plain arithmetic on plain numbers.

This module is imported by every command, so it needs neither numpy nor scipy; the one quantile
imports scipy.special when it is called.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch.metrics import Metric

__all__ = ["Gain", "corrected_se", "mean", "paired_gains", "simultaneous_interval"]

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
    return math.sqrt((1 / len(values) + ratio) * statistics.variance(values))


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
    from scipy.special import ndtri, stdtrit

    level = 1 - 0.025 / max(comparisons, 1)
    dof = len(gain.folds) - 1
    quantile = float(ndtri(level) if gain.row_se is not None else stdtrit(dof, level))
    return gain.delta - quantile * gain.se, gain.delta + quantile * gain.se
