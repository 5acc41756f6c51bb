"""Intervals and standard errors where rows are not independent: whole groups, or blocks of time, are left out."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from autoresearch.intervals import Difference, compare, row_se
from autoresearch.metrics import Metric
from autoresearch.structure import Structure

__all__ = ["cluster_compare", "cluster_se", "clusters"]

TIME_BLOCKS = 8  # few and long, so that what one block says hardly depends on its neighbour
MOST = 500  # beyond as many clusters, bunches of clusters are left out: bounded in time


def clusters(structure: Structure) -> np.ndarray | None:
    """Codes of what may be taken as independent: groups, or eight blocks of equal rows in time; None for single rows.

    Rows of equal time are in one block.
    """
    if structure.time is not None:
        ranks = stats.rankdata(structure.time, method="min") - 1
        return pd.factorize((ranks * TIME_BLOCKS / len(ranks)).astype(int), sort=True)[0]
    return None if structure.group is None else pd.factorize(structure.group)[0]


def cluster_compare(
    metric: Metric,
    y: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    alpha: float,
    rng: np.random.Generator,
    groups: np.ndarray | None,
) -> Difference:
    """`compare` for rows in clusters: a jackknife over whole clusters, t quantile with clusters - 1 degrees of freedom.

    Never narrower than the interval for independent rows: with few clusters their variance can be small by chance.
    A ranking that a cluster decides alone, because it holds all rows of a class, has the interval [-1, 1].

    Parameters
    ----------
    groups
        Codes from `clusters`, shape (n,); None compares rows.

    References
    ----------
    Delete-one-cluster jackknife: MacKinnon, Nielsen & Webb (2023), Journal of Applied Econometrics 38; for AUC of
    clustered rows Obuchowski (1997), Biometrics 53; blocks of a series: Kuensch (1989), Annals of Statistics 17; few
    blocks and a t quantile: Ibragimov & Mueller (2010), Journal of Business & Economic Statistics 28.
    """
    rows = compare(metric, y, before, after, alpha, rng)
    if groups is None:
        return rows
    method = f"cluster jackknife over {len(np.unique(groups))} clusters"
    found = _jackknife_se(metric, y, before, after, groups, rng)
    if found is None:
        low, high = (-1.0, 1.0) if metric.response == "score" else (-math.inf, math.inf)
        return Difference(rows.before, rows.after, rows.delta, low, high, alpha, method)
    se, freedom = found
    half = float(stats.t.ppf(1 - alpha / 2, freedom)) * se
    low, high = min(rows.low, rows.delta - half), max(rows.high, rows.delta + half)
    return Difference(rows.before, rows.after, rows.delta, low, high, alpha, method)


def cluster_se(
    metric: Metric,
    y: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    rng: np.random.Generator,
    groups: np.ndarray | None,
) -> float:
    """`row_se` for rows in clusters, for the single split of large tables; nan where it cannot be known."""
    rows = row_se(metric, y, before, after, rng)
    if groups is None:
        return rows
    found = _jackknife_se(metric, y, before, after, groups, rng)
    return max(rows, found[0]) if found else math.nan


def _jackknife_se(
    metric: Metric, y: np.ndarray, before: np.ndarray, after: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> tuple[float, int] | None:
    """Standard error of the gain and its degrees of freedom; None where a gain without some cluster has no value."""
    codes = np.unique(groups, return_inverse=True)[1]
    count = int(codes.max()) + 1
    if count > MOST:
        codes, count = (rng.permutation(count) % MOST)[codes], MOST
    if count < 2:
        return None
    gains = []
    for code in range(count):
        left = codes != code
        if metric.response == "score" and len(np.unique(y[left])) < 2:
            return None
        gains.append(metric.gain(metric.function(y[left], before[left]), metric.function(y[left], after[left])))
    gain = metric.gain(metric.function(y, before), metric.function(y, after))
    variance = (count - 1) / count * float(((np.array(gains) - gain) ** 2).sum())
    return math.sqrt(variance), count - 1
