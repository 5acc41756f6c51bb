"""Search policies: what to try next, given what was tried. Pure: the same history and seed give the same choice."""

from collections.abc import Collection, Sequence

import numpy as np

from autoresearch.library import SLOTS, Composition, Variant

__all__ = ["nearest_untried"]


def nearest_untried(
    space: Sequence[Composition],
    tried: Collection[Composition],
    incumbent: Composition | None,
    rng: np.random.Generator,
) -> Composition | None:
    """An untried composition in random order, those that change fewest slots of the incumbent first.

    One changed slot at a time is what lets a gain be put down to a cause. Without a known incumbent every
    untried composition is as near as any other. Among equally near ones, quick ones come before slow ones, and
    variants of families that were not tried before more of the same: models first, which matter most.

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
    now = incumbent.choice if incumbent else ()
    seen = {(v.slot, v.family) for composition in tried for v in composition.choice if v not in now}
    for slot in reversed(SLOTS):
        fresh = [c for c in untried if any(_is_new(v, slot, now, seen) for v in c.choice)]
        if fresh:
            untried = fresh
            break
    return untried[int(rng.integers(len(untried)))]


def _is_new(variant: Variant, slot: str, now: Sequence[Variant], seen: Collection[tuple[str, str]]) -> bool:
    return variant.slot == slot and variant not in now and (slot, variant.family) not in seen
