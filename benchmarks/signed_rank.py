"""A Bayesian signed-rank test over tables: better, as good within a region of practical equivalence, or worse.

Benavoli, Mangili, Corani, Zaffalon & Ruggeri (2014), A Bayesian Wilcoxon signed-rank test based on the Dirichlet
process, ICML; Benavoli, Corani, Demšar & Zaffalon (2017), Time for a change, JMLR 18(77).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["BELIEVED", "Shares", "signed_rank", "verdict"]

BELIEVED = 0.95  # probability from which on a difference is claimed
STRENGTH = 0.5  # of the prior, in observations, which lies on "no difference"


class Shares(NamedTuple):
    """Probability that the most of pairwise means are worse, equivalent or better."""

    worse: float
    same: float
    better: float


def signed_rank(differences: Sequence[float], rope: float, rng: np.random.Generator, draws: int = 50_000) -> Shares:
    """Probabilities of the three regions.

    Parameters
    ----------
    differences
        One per table, positive where the method in question is better.
    rope
        Half-width of the region of practical equivalence, in the same unit.
    """
    values = np.array([0.0, *differences])
    sums = values[:, None] + values[None, :]
    better, worse = sums > 2 * rope, sums < -2 * rope
    weights = rng.dirichlet([STRENGTH, *np.ones(len(differences))], draws)
    above = np.einsum("di,ij,dj->d", weights, better, weights, optimize=True)
    below = np.einsum("di,ij,dj->d", weights, worse, weights, optimize=True)
    region = np.argmax([below, 1 - above - below, above], axis=0)
    return Shares(*(float(share) for share in np.bincount(region, minlength=3) / draws))


def verdict(shares: Shares) -> str:
    """The claim that the probabilities allow."""
    if shares.better >= BELIEVED:
        return "better"
    if shares.worse >= BELIEVED:
        return "worse"
    return "not distinguishable"
