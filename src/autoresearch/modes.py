"""The four modes of a search, explore, exploit, combine, narrow: what to try next and why; docs/search.md.

Pure: the same space, results in trial order and seed give the same proposals, so that an interrupted search goes on
as it would have gone on. Each mode works on what the others found: exploring ranks the families, exploiting
tunes the best of them, combining joins what helped or nearly did, narrowing refines the winner.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, product
from typing import Any

from autoresearch.design import Effect
from autoresearch.exploring import Found, explore, first_looks, generator
from autoresearch.interactions import Interaction, interactions, signal
from autoresearch.metrics import Metric
from autoresearch.sampling import GRID, grid, near, tpe
from autoresearch.space import Space
from autoresearch.standing import Standing
from autoresearch.tried import Cell, Tried, replaced, spelled

__all__ = ["Mode", "Proposal", "propose"]

FIRST_SHARE = 0.5  # of a budget goes to a first look at every family of models, at most
SETTINGS = 4  # of a family are tried before it is the next one's turn
NEAREST = 6  # near misses of a slot that are combined
WIDTH, SHRINK, LEAST = 0.25, 0.85, 0.02  # of a step from the winner: at first, per step without a gain, at last
ATTEMPTS = 8  # draws before a mode passes its turn


class Mode(StrEnum):
    """What a proposal is for."""

    EXPLORE = "explore"
    EXPLOIT = "exploit"
    COMBINE = "combine"
    NARROW = "narrow"


TURNS = (Mode.EXPLORE, Mode.EXPLOIT, Mode.COMBINE, Mode.EXPLORE, Mode.EXPLOIT, Mode.NARROW)
"""A round; a mode that has nothing to propose passes its turn to the next."""


@dataclass(frozen=True)
class Proposal:
    """One composition to try.

    Parameters
    ----------
    choice
        Slot to variant.
    params
        ``slot.parameter`` to value; what is absent stays as in the variant's file.
    """

    choice: Mapping[str, str]
    params: Mapping[str, Any]
    mode: Mode
    reason: str


def propose(
    space: Space,
    tried: Sequence[Tried],
    *,
    metric: Metric,
    ratio: float,
    seed: int,
    batch: int = 1,
    budget: int | None = None,
) -> list[Proposal]:
    """What to try next, at most `batch` compositions; none when everything was tried.

    Parameters
    ----------
    tried
        In trial order; those that are running have state running and no scores.
    ratio
        Validation rows per training row of a fold.
    budget
        Trials of the whole search, where that is known.
    """
    standing, found = Standing(space, tried, metric, ratio), list[Proposal]()
    while len(found) < batch:
        new = _next(standing, seed, budget)
        if new is None:
            break
        mode, (cell, reason) = new
        cell = space.effective(cell)
        found.append(Proposal(*spelled(space.slots, cell), mode, reason))
        standing = replace(standing, pending=(*standing.pending, cell))
    return found


def _next(standing: Standing, seed: int, budget: int | None) -> tuple[Mode, Found] | None:
    if budget is None or standing.count < FIRST_SHARE * budget:
        first = first_looks(standing, seed)
        if first:
            return Mode.EXPLORE, first
    start = standing.count % len(TURNS)
    for mode in dict.fromkeys(TURNS[start:] + TURNS[:start]):
        if proposal := MODES[mode](standing, seed):
            return mode, proposal
    return None


# Exploit


def _exploit(standing: Standing, seed: int) -> Found | None:
    """Another setting of a family that may still win: a small grid in full, beyond it TPE."""
    space, place = standing.space, standing.space.place(standing.space.model)
    if place is None:
        return None
    ranks = list(enumerate(_contenders(standing)))
    used = {cell[place] for cell in standing.seen}
    tries = Counter(space.family.get((space.model, cell[place].variant)) for cell in standing.seen)
    for _, (name, best) in sorted(ranks, key=lambda one: (tries[one[1][0]] // SETTINGS, one[0])):
        every = [one for one in standing.options(space.model) if one.family == name and one.pace != "boxed"]
        options = [one for one in every if one.pace != "slow"] or every
        settings = grid(options)
        if len(settings) <= GRID:
            for level in settings:
                cell = replaced(best, (place, level))
                if level not in used and standing.new(cell):
                    return cell, f"{name}: setting of a grid of {len(settings)}, where the family did best"
            continue
        results = standing.results(place, best)
        for attempt in range(ATTEMPTS):
            draw = int(generator(seed, standing.count, attempt).integers(2**31))
            cell = replaced(best, (place, tpe(options, results, draw)))
            if standing.new(cell):
                return cell, f"{name}: by TPE after {len(results)} settings, where the family did best"
    return None


def _contenders(standing: Standing) -> list[tuple[str, Cell]]:
    """Families whose best is within its noise of the best of all; the best one always."""
    ranking = standing.ranking(standing.space.model)
    found = ranking[:1]
    for name, cell in ranking[1:]:
        gain = standing.design.gain(cell, ranking[0][1])
        if gain.delta + gain.se >= 0:
            found.append((name, cell))
    return found


# Combine


def _combine(standing: Standing, seed: int) -> Found | None:  # noqa: ARG001
    """Near misses joined in the winner, the highest expected gain first; else a cell that an interaction lacks.

    What is expected of a combination is the sum of what its changes gain elsewhere, matched by background, plus the
    shrunken interactions of all its pairs less those of the winner's.
    """
    space, winner = standing.space, standing.winner
    if winner not in standing.design.cells:
        return None
    found = interactions(standing.metric, standing.tried, space.start, standing.ratio)
    known = signal(found, space.family)
    now = known.of(space.slots, winner, space.start)
    misses = [_near_misses(standing, place) for place in range(len(space.slots))]
    best: tuple[float, Cell, tuple[Effect, ...], float] | None = None
    for size in (1, 2):
        for places in combinations(range(len(space.slots)), size):
            for effects in product(*(misses[place] for place in places)):
                changes = zip(places, (effect.level for effect in effects), strict=True)
                cell = replaced(winner, *changes)
                between = known.of(space.slots, cell, space.start) - now
                expected = sum(effect.gain.delta for effect in effects) + between
                if (best is None or expected > best[0]) and standing.new(cell):
                    best = expected, cell, effects, between
    lacking = _lacking(standing, found)
    if best and (best[0] > 0 or not lacking):
        expected, cell, effects, between = best
        parts = " and ".join(f"{e.level} ({e.gain.delta:+.4f} ± {e.gain.se:.4f})" for e in effects)
        return cell, f"near misses {parts} in the winner: {expected:+.4f} expected, {between:+.4f} of it interaction"
    return lacking


def _lacking(standing: Standing, found: Sequence[Interaction]) -> Found | None:
    """A cell without which it cannot be told whether two of the winner's levels work together."""
    levels = set(zip(standing.space.slots, standing.winner, strict=True))
    for one in found:
        (_, first), (_, second) = one.pair
        for cell in one.missing if set(one.pair) <= levels else ():
            if standing.new(cell):
                return cell, f"the interaction of {first} and {second} lacks this cell"
    return None


def _near_misses(standing: Standing, place: int) -> list[Effect]:
    """Other variants of a slot that gain, or lose no more than one standard error, against the winner's elsewhere."""
    now = standing.winner[place]
    effects = [e for e in standing.design.effects(place, now) if e.level.variant != now.variant]
    slot = standing.space.slots[place]
    near_ones = [e for e in effects if e.gain.delta > 0 or e.gain.delta > -e.gain.se]
    return [effect for effect in near_ones if (slot, effect.level.variant) not in standing.out][:NEAREST]


# Narrow


def _narrow(standing: Standing, seed: int) -> Found | None:
    """A small step from the winner's parameters, smaller with every one since the last gain."""
    space, winner = standing.space, standing.winner
    names = tuple(level.variant for level in winner)
    places = [
        place
        for place, (slot, level) in enumerate(zip(space.slots, winner, strict=True))
        if (option := space.by_name.get((slot, level.variant))) and option.parameters and option.pace != "boxed"
    ]
    if not places or winner not in standing.design.cells:
        return None
    since = _since(standing, names)
    width = max(LEAST, WIDTH * SHRINK**since)
    rng = generator(seed, standing.count)
    model = space.place(space.model)
    others = [place for place in places if place != model]
    place = model if model in places and (not others or rng.random() < 2 / 3) else others[since % len(others)]
    slot = space.slots[place]
    for _ in range(ATTEMPTS):
        level = near(space.by_name[slot, winner[place].variant], winner[place], width, rng)
        cell = replaced(winner, (place, level))
        if standing.new(cell):
            return cell, f"a step of {width:.0%} of each range from the winner's {slot}"
    return None


def _since(standing: Standing, names: tuple[str, ...]) -> int:
    """Trials of the winner's variants since it was found, proposed ones among them."""
    cells = [trial.cell for trial in standing.tried] + list(standing.pending)
    after = cells[cells.index(standing.winner) + 1 :]
    return sum(tuple(level.variant for level in cell) == names for cell in after)


MODES: dict[Mode, Callable[[Standing, int], Found | None]] = {
    Mode.EXPLORE: explore, Mode.EXPLOIT: _exploit, Mode.COMBINE: _combine, Mode.NARROW: _narrow,
}  # fmt: skip
