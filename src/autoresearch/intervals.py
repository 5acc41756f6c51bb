"""What rows say: intervals for the difference of two versions on the same rows, as the audit states them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from autoresearch.metrics import Metric

__all__ = [
    "Difference",
    "audit_level",
    "bca",
    "bonett_price",
    "compare",
    "delong",
    "jackknife",
    "row_se",
]

RESAMPLES = 4_000  # the 1.25 % tail of the first audit then rests on 50 resamples
JACKKNIFE_GROUPS = 500  # beyond as many rows, groups of rows are left out: bounded in time


@dataclass(frozen=True)
class Difference:
    """How much better one version is than another on the same rows; positive is better.

    Parameters
    ----------
    before, after
        The two scores.
    delta
        The gain, oriented by the metric's direction.
    low, high
        Interval for the gain at confidence ``1 - alpha``.
    alpha
        The level spent.
    method
        How the interval was made.
    """

    before: float
    after: float
    delta: float
    low: float
    high: float
    alpha: float
    method: str

    @property
    def answer(self) -> str:
        """``proven``, ``worse`` or ``not distinguishable``."""
        if self.low > 0:
            return "proven"
        return "worse" if self.high < 0 else "not distinguishable"


def audit_level(number: int) -> float:
    """Level that the `number`-th audit of a study spends: .05/2^j, which sums to .05 over all audits."""
    return float(0.05 / 2**number)


def compare(
    metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float, rng: np.random.Generator
) -> Difference:
    """Compare two versions' responses on the same rows.

    Paired DeLong for AUC, Bonett & Price for accuracy, a bootstrap for the median, a jackknife (stratified by class
    for classification) for every other metric. docs/benchmarks.md has the coverage of each, and of the bootstrap for
    those, which fell short.

    Parameters
    ----------
    y
        Labels, shape (n,); class codes for classification.
    before, after
        Responses of the two versions, shape (n,) or (n, classes).
    alpha
        One less the confidence of the two-sided interval.
    rng
        Forms the jackknife's groups of rows where there are too many to leave out each.
    """
    if metric.name == "roc_auc":
        return delong(y, before, after, alpha)
    if metric.name == "accuracy":
        return bonett_price(y, before, after, alpha)
    if metric.name == "median_absolute_error":
        return bca(metric, y, before, after, alpha, rng)  # leaving rows out says nothing about a median's spread
    return jackknife(metric, y, before, after, alpha, rng)


def delong(y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float) -> Difference:
    """Paired difference of two AUCs: DeLong's variance, a t quantile for the few rows of a small class.

    The degrees of freedom are Satterthwaite's over the two classes, as Brunner & Munzel (2000) take them for one
    AUC. With fewer than two rows in a class there is no variance to see, and the interval is all of [-1, 1].

    Parameters
    ----------
    y
        0 or 1, shape (n,).
    before, after
        Scores, shape (n,).

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; the midrank algorithm of Sun & Xu (2014),
    IEEE Signal Processing Letters 21; Brunner & Munzel (2000), Biometrical Journal 42.
    """
    placements = _placements(y, np.vstack([before, after]))
    scores = [float(score) for score in placements[0].mean(axis=1)]
    delta = scores[1] - scores[0]
    gains = [placement[1] - placement[0] for placement in placements]
    half = _half_width([_variance_of_mean(gain) for gain in gains], [len(gain) - 1 for gain in gains], alpha)
    low, high = (-1.0, 1.0) if min(len(gain) for gain in gains) < 2 else (delta - half, delta + half)
    return Difference(scores[0], scores[1], delta, low, high, alpha, "paired DeLong")


def _placements(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of negatives below each positive (k, m) and of positives above each negative (k, n), for k scores."""
    positive, negative = scores[:, y == 1], scores[:, y == 0]
    m, n = positive.shape[1], negative.shape[1]
    ranks = stats.rankdata(np.hstack([positive, negative]), axis=1)
    ranks_positive, ranks_negative = stats.rankdata(positive, axis=1), stats.rankdata(negative, axis=1)
    return (ranks[:, :m] - ranks_positive) / n, 1 - (ranks[:, m:] - ranks_negative) / m


def _variance_of_mean(values: np.ndarray) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _half_width(variances: Sequence[float], freedoms: Sequence[int], alpha: float) -> float:
    """T quantile times the standard error of a sum of independent parts, Satterthwaite's degrees of freedom."""
    total = sum(variances)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True) if f > 0)
    return float(stats.t.ppf(1 - alpha / 2, freedom)) * math.sqrt(total)


def bonett_price(y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float) -> Difference:
    """Paired difference of two accuracies from the rows that one version alone gets right.

    One row is added to either side and two to the total, so that few such rows, or none, prove nothing.

    References
    ----------
    Bonett & Price (2012), Journal of Educational and Behavioral Statistics 37.
    """
    right_before, right_after = before == y, after == y
    n = len(y) + 2
    won, lost = ((right_after & ~right_before).sum() + 1) / n, ((right_before & ~right_after).sum() + 1) / n
    centre = float(won - lost)
    half = float(stats.norm.ppf(1 - alpha / 2)) * math.sqrt((won + lost - centre**2) / n)
    scores = float(right_before.mean()), float(right_after.mean())
    low, high = max(centre - half, -1.0), min(centre + half, 1.0)
    return Difference(*scores, scores[1] - scores[0], low, high, alpha, "Bonett-Price")


def jackknife(
    metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float, rng: np.random.Generator
) -> Difference:
    """Difference of two scores with the standard error of a jackknife over rows, class by class, and a t quantile.

    It is to any smooth metric what DeLong's interval is to AUC. A ranking with fewer than two rows in a class has no
    variance to see: the interval is all of [-1, 1].

    References
    ----------
    Miller (1974), The jackknife - a review, Biometrika 61; Efron & Tibshirani (1993), An introduction to the
    bootstrap, chapter 11; Satterthwaite (1946), Biometrics Bulletin 2.
    """
    scores = metric.function(y, before), metric.function(y, after)
    delta = metric.gain(*scores)
    strata = _strata(metric, y)
    rare = min(len(stratum) for stratum in strata) < 2
    if rare and metric.response == "score":
        return Difference(*scores, delta, -1.0, 1.0, alpha, "jackknife")
    strata = [rng.permutation(stratum) for stratum in ([np.arange(len(y))] if rare else strata)]
    influences = _influences(_difference(metric, y, before, after), strata, ranking=metric.response == "score")
    variances = [float((part**2).sum()) * len(part) / (len(part) - 1) for part in influences]
    half = _half_width(variances, [len(part) - 1 for part in influences], alpha)
    return Difference(*scores, delta, delta - half, delta + half, alpha, "jackknife")


def bca(
    metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float, rng: np.random.Generator
) -> Difference:
    """Bias-corrected and accelerated bootstrap over rows for the difference of two scores.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, JASA 82. The acceleration is the sum of the strata's
    third jackknife moments over the 3/2 power of the sum of their second ones (Davison & Hinkley 1997, 5.3.2).
    """
    difference = _difference(metric, y, before, after)
    scores = metric.function(y, before), metric.function(y, after)
    delta = metric.gain(*scores)
    strata = _strata(metric, y)
    draws = np.array([difference(_resample(strata, rng)) for _ in range(RESAMPLES)])
    if np.ptp(draws) == 0:
        low = high = delta
    else:
        below = (np.sum(draws < delta) + 0.5 * np.sum(draws == delta)) / len(draws)
        bias = stats.norm.ppf(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
        z = bias + stats.norm.ppf([alpha / 2, 1 - alpha / 2])
        acceleration = _acceleration(_influences(difference, strata, ranking=metric.response == "score"))
        low, high = np.quantile(draws, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return Difference(*scores, delta, float(low), float(high), alpha, "BCa bootstrap")


def _resample(strata: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])


def _strata(metric: Metric, y: np.ndarray) -> list[np.ndarray]:
    """Rows of each class, or all rows of a regression."""
    return [np.arange(len(y))] if metric.response == "value" else [np.flatnonzero(y == c) for c in np.unique(y)]


def _difference(metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> Callable[[np.ndarray], float]:
    """Gain as a function of the rows it is measured on."""
    return lambda rows: metric.gain(metric.function(y[rows], before[rows]), metric.function(y[rows], after[rows]))


def _influences(
    difference: Callable[[np.ndarray], float], strata: Sequence[np.ndarray], *, ranking: bool
) -> list[np.ndarray]:
    """What each row, or group of rows, adds to the difference, per stratum: from leaving it out.

    A ranking averages within classes, other scores over all rows: leaving a row out then also takes weight from its
    class, which the scale makes good.
    """
    influences = []
    rows = sum(len(stratum) for stratum in strata)
    for i, stratum in enumerate(strata):
        others = np.concatenate([np.empty(0, int), *strata[:i], *strata[i + 1 :]])
        groups = np.array_split(np.arange(len(stratum)), min(len(stratum), max(2, JACKKNIFE_GROUPS // len(strata))))
        left_out = [difference(np.concatenate([others, np.delete(stratum, group)])) for group in groups]
        scale = 1 - (1 if ranking else len(stratum) / rows) / len(groups)
        influences.append(scale * (np.mean(left_out) - np.array(left_out)))
    return influences


def _acceleration(influences: Sequence[np.ndarray]) -> float:
    """Skewness term of BCa; a class of fewer than three rows has no skewness to see."""
    seen = [part for part in influences if len(part) > 2]
    second, third = (sum(float((part**power).sum()) for part in seen) for power in (2, 3))
    return third / (6 * second**1.5) if second > 0 else 0.0


def row_se(metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, rng: np.random.Generator) -> float:
    """Standard error over rows of a paired gain, for the single split of large tables."""
    if metric.name == "roc_auc":
        placements = _placements(y, np.vstack([before, after]))
        return math.sqrt(sum(_variance_of_mean(placement[1] - placement[0]) for placement in placements))
    draws = []
    for _ in range(100):
        rows = rng.integers(len(y), size=len(y))
        draws.append(metric.gain(metric.function(y[rows], before[rows]), metric.function(y[rows], after[rows])))
    return float(np.std(draws, ddof=1))
