"""What rows say: intervals for the difference of two versions on the same rows, as the audit states them."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from autoresearch.metrics import Metric

__all__ = ["Difference", "audit_level", "bca", "compare", "delong", "provable_gain", "row_se"]

RESAMPLES = 4_000  # the 1.25 % tail of the first audit then rests on 50 resamples
JACKKNIFE_GROUPS = 500  # leaving out groups of rows is enough for the acceleration, and bounded in time
ASSUMED_CORRELATION = 0.8  # of two models' scores on the same rows, for the forecast before any model exists
ASSUMED_SCORE = 0.85  # AUC or average precision, for the same forecast


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

    Paired DeLong for AUC, a BCa bootstrap (stratified by class for classification) for every other metric.

    Parameters
    ----------
    y
        Labels, shape (n,); class codes for classification.
    before, after
        Responses of the two versions, shape (n,) or (n, classes).
    alpha
        One less the confidence of the two-sided interval.
    rng
        Draws the bootstrap's rows.
    """
    if metric.name == "roc_auc":
        return delong(y, before, after, alpha)
    return bca(metric, y, before, after, alpha, rng)


def delong(y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float) -> Difference:
    """Paired difference of two AUCs with DeLong's variance.

    Parameters
    ----------
    y
        0 or 1, shape (n,).
    before, after
        Scores, shape (n,).

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; the midrank algorithm of Sun & Xu (2014),
    IEEE Signal Processing Letters 21.
    """
    aucs, covariance = _delong_covariance(y, np.vstack([before, after]))
    delta = float(aucs[1] - aucs[0])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    half = float(stats.norm.ppf(1 - alpha / 2)) * math.sqrt(max(variance, 0.0))
    return Difference(float(aucs[0]), float(aucs[1]), delta, delta - half, delta + half, alpha, "paired DeLong")


def _delong_covariance(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUCs (k,) and their covariance (k, k) for scores of shape (k, n)."""
    positive, negative = scores[:, y == 1], scores[:, y == 0]
    m, n = positive.shape[1], negative.shape[1]
    ranks = stats.rankdata(np.hstack([positive, negative]), axis=1)
    ranks_positive, ranks_negative = stats.rankdata(positive, axis=1), stats.rankdata(negative, axis=1)
    v_positive = (ranks[:, :m] - ranks_positive) / n  # share of negatives below each positive
    v_negative = 1 - (ranks[:, m:] - ranks_negative) / m  # share of positives above each negative
    return v_positive.mean(axis=1), np.cov(v_positive) / m + np.cov(v_negative) / n


def bca(
    metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, alpha: float, rng: np.random.Generator
) -> Difference:
    """Bias-corrected and accelerated bootstrap over rows for the difference of two scores.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, JASA 82. The acceleration is the sum of the strata's
    third jackknife moments over the 3/2 power of the sum of their second ones (Davison & Hinkley 1997, 5.3.2).
    """

    def difference(rows: np.ndarray) -> float:
        return metric.gain(metric.function(y[rows], before[rows]), metric.function(y[rows], after[rows]))

    everything = np.arange(len(y))
    scores = metric.function(y, before), metric.function(y, after)
    delta = metric.gain(*scores)
    strata = [everything] if metric.response == "value" else [np.flatnonzero(y == c) for c in np.unique(y)]
    draws = np.array([difference(_resample(strata, rng)) for _ in range(RESAMPLES)])
    if np.ptp(draws) == 0:
        low = high = delta
    else:
        below = (np.sum(draws < delta) + 0.5 * np.sum(draws == delta)) / len(draws)
        bias = stats.norm.ppf(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
        z = bias + stats.norm.ppf([alpha / 2, 1 - alpha / 2])
        acceleration = _acceleration(difference, everything, strata)
        low, high = np.quantile(draws, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return Difference(*scores, delta, float(low), float(high), alpha, "BCa bootstrap")


def _resample(strata: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])


def _acceleration(difference, everything, strata) -> float:  # type: ignore[no-untyped-def]
    """Skewness term of BCa from a jackknife that leaves out groups of rows within each stratum."""
    second = third = 0.0
    for stratum in strata:
        groups = np.array_split(stratum, min(len(stratum), max(2, JACKKNIFE_GROUPS // len(strata))))
        if len(stratum) < 3:  # leaving one out would leave a class of one row or none
            continue
        left_out = np.array([difference(np.setdiff1d(everything, group, assume_unique=True)) for group in groups])
        influence = (len(groups) - 1) * (left_out.mean() - left_out) / len(groups)
        second += float((influence**2).sum())
        third += float((influence**3).sum())
    return third / (6 * second**1.5) if second > 0 else 0.0


def row_se(metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, rng: np.random.Generator) -> float:
    """Standard error over rows of a paired gain, for the single split of large tables."""
    if metric.name == "roc_auc":
        _, covariance = _delong_covariance(y, np.vstack([before, after]))
        return math.sqrt(max(float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]), 0.0))
    draws = []
    for _ in range(100):
        rows = rng.integers(len(y), size=len(y))
        draws.append(metric.gain(metric.function(y[rows], before[rows]), metric.function(y[rows], after[rows])))
    return float(np.std(draws, ddof=1))


def provable_gain(metric: Metric, y: np.ndarray) -> float:
    """Forecast the smallest gain that a first audit on these holdout labels could prove.

    Half-width of the first audit's interval, before any model exists: it assumes two versions that score
    0.85 (AUC, average precision) and whose errors correlate by 0.8. AUC: Hanley & McNeil (1982), Radiology 143;
    average precision: the binomial bound of Boyd, Eng & Page (2013), ECML; accuracy: 10 % discordant rows
    (McNemar); log loss: a standard deviation of 0.5 per row; regression: normal errors as wide as the labels.
    """
    n, quantile = len(y), float(stats.norm.ppf(1 - audit_level(1) / 2))
    paired = math.sqrt(2 * (1 - ASSUMED_CORRELATION))
    a = ASSUMED_SCORE
    match metric.name:
        case "roc_auc":
            positives = int((y == 1).sum())
            negatives = n - positives
            q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
            variance = a * (1 - a) + (positives - 1) * (q1 - a * a) + (negatives - 1) * (q2 - a * a)
            se = math.sqrt(variance / (positives * negatives)) * paired
        case "average_precision":
            se = math.sqrt(a * (1 - a) / int((y == 1).sum())) * paired
        case "accuracy":
            se = math.sqrt(0.1 / n)
        case "log_loss":
            se = 0.5 / math.sqrt(n) * paired
        case "rmse":
            se = float(y.std()) / math.sqrt(2 * n) * paired
        case "mae":
            se = 0.6 * float(y.std()) / math.sqrt(n) * paired
        case "r2":
            se = math.sqrt(2 / n) * paired
        case _:
            raise ValueError(f"no forecast for {metric.name}")
    return quantile * se
