"""Exploring: new families of models, the winner's neighbours, pairs of family and encoding, and all that is left."""

from typing import TYPE_CHECKING

from autoresearch.space import PACES, Option
from autoresearch.standing import Standing
from autoresearch.tried import Cell, Level, replaced

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Found", "explore", "first_looks", "generator"]

Found = tuple[Cell, str]
"""A cell to try, and why."""


def generator(seed: int, *more: int) -> "np.random.Generator":
    """Draws that depend on the seed and on where in a search they are made, on nothing else."""
    import numpy as np

    return np.random.default_rng([seed, *more])


def explore(standing: Standing, seed: int) -> Found | None:
    """First looks, then in turns the best families' other variants and the winner's neighbours, then the rest."""
    turns = (_siblings(standing), _neighbours(standing, seed, new_families=True))
    return (
        first_looks(standing, seed)
        or turns[standing.count % 2]
        or turns[1 - standing.count % 2]
        or _pairs(standing)
        or first_look(standing, seed, "late")
        or first_look(standing, seed, "slow")
        or _neighbours(standing, seed, new_families=False)
        or first_look(standing, seed, "boxed")
        or _rest(standing)
    )


def first_looks(standing: Standing, seed: int) -> Found | None:
    """The models that proved themselves elsewhere, then a quick one of each family, where the run began."""
    return first_look(standing, seed, "first") or first_look(standing, seed, "quick")


def first_look(standing: Standing, seed: int, pace: str) -> Found | None:
    """A model that goes first, or of a family never tried, in the composition that the run began with."""
    space, place = standing.space, standing.space.place(standing.space.model)
    if place is None:
        return None
    families = {space.family.get((space.model, name), name) for name in standing.used[place]}
    options = [one for one in _shuffled(standing, space.model, seed) if one.pace == pace]
    for option in options:
        cell = replaced(space.start, (place, Level(option.name)))
        if pace == "first" and standing.new(cell):
            return cell, f"{option.name} is a {space.model} that did well on other tables"
        if option.family not in families and standing.new(cell):
            return cell, f"{option.family} is a family of {space.model}s that was not tried"
    return None


def _shuffled(standing: Standing, slot: str, seed: int) -> list[Option]:
    """Options by their pace, within it in an order that the seed draws, once for the whole search."""
    place = standing.space.slots.index(slot)
    options = standing.space.effective_options(slot)
    order = generator(seed, place).permutation(len(options))
    drawn = sorted((options[index] for index in order), key=lambda one: PACES.index(one.pace))
    return [option for option in drawn if (slot, option.name) not in standing.out]


def _siblings(standing: Standing) -> Found | None:
    """Another variant of one of the two best families: a single one may not do its family justice."""
    space, place = standing.space, standing.space.place(standing.space.model)
    if place is None:
        return None
    for name, best in standing.ranking(space.model)[:2]:
        for option in standing.options(space.model):
            cell = replaced(best, (place, Level(option.name)))
            fresh = option.family == name and option.name not in standing.used[place]
            if fresh and option.pace not in ("slow", "boxed") and standing.new(cell):
                return cell, f"{option.name}: another variant of {name}, one of the two best families"
    return None


def _neighbours(standing: Standing, seed: int, *, new_families: bool) -> Found | None:
    """The winner with one slot changed: to a family that the slot has not seen, or to any variant."""
    space = standing.space
    for slot in reversed(space.slots):
        place = space.slots.index(slot)
        families = {space.family.get((slot, name), name) for name in standing.used[place]}
        for option in _shuffled(standing, slot, seed):
            fresh = option.family not in families
            cell = standing.with_variant(place, option.name)
            if option.pace != "boxed" and fresh >= new_families and standing.new(cell):
                what = f"a family that {slot} has not seen" if fresh else f"one change of {slot}"
                return cell, f"{option.name} beside the winner: {what}"
    return None


def _pairs(standing: Standing) -> Found | None:
    """A family of models with an encoding that it was not tried with, the best families first."""
    space = standing.space
    model, encoding = space.place(space.model), space.place(space.encoding)
    if model is None or encoding is None:
        return None
    family = space.family
    done = {(family.get((space.model, c[model].variant)), c[encoding].variant) for c in standing.seen}
    for name, best in standing.ranking(space.model):
        for option in standing.options(space.encoding):
            cell = replaced(standing.winner, (model, Level(best[model].variant)), (encoding, Level(option.name)))
            if (name, option.name) not in done and standing.new(cell):
                return cell, f"{name} was not tried with {option.name}"
    return None


def _rest(standing: Standing) -> Found | None:
    """Whatever composition was not tried, the nearest to the winner first."""
    left = [cell for cell in standing.space.cells() if standing.new(cell)]
    if not left:
        return None

    def distance(cell: Cell) -> int:
        return sum(a != b for a, b in zip(cell, standing.winner, strict=True))

    cell = min(left, key=distance)
    return cell, f"not tried yet, {distance(cell)} changes from the winner"
