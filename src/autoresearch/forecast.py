"""What a holdout could prove, as forecast from its labels before any model exists."""

import math

import numpy as np

from autoresearch.metrics import Metric

__all__ = ["provable_gain"]

ASSUMED_CORRELATION = 0.8  # of two models' scores on the same rows
ASSUMED_SCORE = 0.85  # AUC or average precision


def provable_gain(metric: Metric, y: np.ndarray) -> float:
    """Forecast the smallest gain that a first audit on these holdout labels could prove.

    Half-width of the first audit's interval, before any model exists: it assumes two versions that score
    0.85 (AUC, average precision) and whose errors correlate by 0.8. AUC: Hanley & McNeil (1982), Radiology 143;
    average precision: the binomial bound of Boyd, Eng & Page (2013), ECML; accuracy: 10 % discordant rows
    (McNemar), in each class for balanced accuracy and F1; one-vs-rest AUC: the mean of its classes' AUCs; log loss:
    a standard deviation of 0.5 per row; Poisson deviance: the one that the mean label has; regression: normal errors
    as wide as the labels.
    """
    from scipy import stats

    from autoresearch.intervals import audit_level

    n, quantile = len(y), float(stats.norm.ppf(1 - audit_level(1) / 2))
    paired = math.sqrt(2 * (1 - ASSUMED_CORRELATION))
    a = ASSUMED_SCORE
    counts = np.unique(y, return_counts=True)[1]
    match metric.name:
        case "roc_auc":
            se = _hanley_mcneil(int((y == 1).sum()), n) * paired
        case "roc_auc_ovr":
            se = math.sqrt(sum(_hanley_mcneil(int(count), n) ** 2 for count in counts)) / len(counts) * paired
        case "average_precision":
            se = math.sqrt(a * (1 - a) / int((y == 1).sum())) * paired
        case "accuracy":
            se = math.sqrt(0.1 / n)
        case "balanced_accuracy" | "f1" | "f1_macro":
            se = math.sqrt(0.1 * float((1 / counts).sum())) / len(counts)
        case "log_loss":
            se = 0.5 / math.sqrt(n) * paired
        case "rmse":
            se = float(y.std()) / math.sqrt(2 * n) * paired
        case "mae":
            se = 0.6 * float(y.std()) / math.sqrt(n) * paired
        case "median_absolute_error":
            se = 0.79 * float(y.std()) / math.sqrt(n) * paired  # 1 / (4 phi(0.6745)): a median's standard error
        case "poisson_deviance":
            se = float(_unit_deviance(y).std()) / math.sqrt(n) * paired
        case "r2":
            se = math.sqrt(2 / n) * paired
        case _:
            raise ValueError(f"no forecast for {metric.name}")
    return quantile * se


def _unit_deviance(y: np.ndarray) -> np.ndarray:
    """Poisson deviance of each row under the mean label."""
    mean = float(y.mean())
    logs = np.log(np.divide(y, mean, out=np.ones_like(y), where=y > 0))
    return np.asarray(2 * (y * logs - y + mean))


def _hanley_mcneil(positives: int, n: int) -> float:
    """Standard error of the assumed AUC."""
    a, negatives = ASSUMED_SCORE, n - positives
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = a * (1 - a) + (positives - 1) * (q1 - a * a) + (negatives - 1) * (q2 - a * a)
    return math.sqrt(variance / (positives * negatives))
