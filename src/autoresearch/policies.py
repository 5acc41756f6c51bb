"""Search policies: what to try next, given what was tried. Pure: the same history and seed give the same choice."""

from collections.abc import Collection, Sequence

import numpy as np

from autoresearch.library import Composition

__all__ = ["nearest_untried"]


def nearest_untried(
    space: Sequence[Composition],
    tried: Collection[Composition],
    incumbent: Composition | None,
    rng: np.random.Generator,
) -> Composition | None:
    """An untried composition in random order, those that change fewest slots of the incumbent first.

    One changed slot at a time is what lets a gain be put down to a cause. Without a known incumbent every
    untried composition is as near as any other.

    Returns
    -------
    Composition or None
        None when everything was tried.
    """
    untried = [composition for composition in space if composition not in tried]
    if not untried:
        return None
    if incumbent is not None:
        nearest = min(composition.distance(incumbent) for composition in untried)
        untried = [composition for composition in untried if composition.distance(incumbent) == nearest]
    return untried[int(rng.integers(len(untried)))]
