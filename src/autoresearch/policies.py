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
    untried composition is as near as any other. Among equally near ones, quick ones come before slow ones, and those
    of families that nobody has looked at before more of the same.

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
    untried = [composition for composition in untried if composition.quick] or untried
    seen = {(variant.slot, variant.family) for composition in tried for variant in composition.choice}
    fresh = [c for c in untried if any((variant.slot, variant.family) not in seen for variant in c.choice)]
    untried = fresh or untried
    return untried[int(rng.integers(len(untried)))]
