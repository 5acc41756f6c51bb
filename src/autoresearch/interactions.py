"""Interactions: what two variants gain together beyond the sum of what each gains alone; docs/search.md.

``I = y_ab - y_a0 - y_0b + y_00`` in each fold, 0 being the starting level of a slot, on the same background (the
levels of all other slots); several backgrounds are averaged in each fold first.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from autoresearch.design import Design, Estimate, estimate, logit
from autoresearch.metrics import Metric
from autoresearch.tried import Cell, Level, Tried, replaced

__all__ = [
    "RATE", "Interaction", "Pair", "Signal", "described", "discoveries", "interactions",
    "shrunken", "signal",
]  # fmt: skip

RATE = 0.1  # of false discoveries among the discovered
Pair = tuple[tuple[str, Level], tuple[str, Level]]
"""Slot and level of the first and of the second of two variants."""


@dataclass(frozen=True)
class Interaction:
    """A pair of levels, and what is known of their interaction.

    Parameters
    ----------
    first_solo, second_solo, actual
        Gains over the starting levels, averaged over the backgrounds; nan where no background has all four cells.
    amount
        The interaction on the metric's scale.
    logit
        The same on the logit scale; None for a metric without bounds, or where a fold scored one of them.
    backgrounds
        Backgrounds with all four cells.
    missing
        Cells never tried that would complete a background: to be scheduled.
    discovered
        Whether it is beyond noise at the false discovery rate.
    shrunken
        Empirical-Bayes estimate of the interaction.
    """

    pair: Pair
    first_solo: float
    second_solo: float
    actual: float
    amount: Estimate
    logit: Estimate | None
    backgrounds: int
    missing: tuple[Cell, ...] = ()
    discovered: bool = False
    shrunken: float = 0.0

    @property
    def predicted(self) -> float:
        """What the combination would gain if both gains added up."""
        return self.first_solo + self.second_solo

    @property
    def kind(self) -> str:
        """``superadditive`` or ``subadditive``."""
        return "superadditive" if self.amount.delta > 0 else "subadditive"


Corners = tuple[Cell, Cell, Cell, Cell]
"""Both levels, the first alone, the second alone, neither."""


def interactions(metric: Metric, tried: Sequence[Tried], start: Cell, ratio: float) -> list[Interaction]:
    """All pairs of levels that some trial combines, strongest shrunken interaction first, unmeasured ones last.

    Parameters
    ----------
    start
        The levels that gains are counted from.
    ratio
        Validation rows per training row of a fold.
    """
    design = Design.of(metric, tried, ratio)
    low, high = metric.bounds or (math.inf, math.inf)
    inside = all(low < score < high for trial in tried for repeat in trial.repeats for score in repeat)
    on_logit = Design.of(metric, tried, ratio, logit) if inside else None
    squares: dict[tuple[int, Level, int, Level], list[Corners]] = defaultdict(list)
    for cell in sorted(design.seen):
        changed = [place for place, level in enumerate(cell) if level != start[place]]
        for i, j in combinations(changed, 2):
            first, second = (i, start[i]), (j, start[j])
            corners = (cell, replaced(cell, second), replaced(cell, first), replaced(cell, first, second))
            squares[i, cell[i], j, cell[j]].append(corners)
    found = [
        _interaction(((design.slots[i], a), (design.slots[j], b)), design, on_logit, corners)
        for (i, a, j, b), corners in squares.items()
    ]
    return sorted(_judged(found), key=lambda one: (not one.backgrounds, -one.shrunken, one.pair))


def _interaction(pair: Pair, design: Design, on_logit: Design | None, squares: Sequence[Corners]) -> Interaction:
    missing = tuple(dict.fromkeys(cell for corners in squares for cell in corners if cell not in design.seen))
    whole = [corners for corners in squares if all(cell in design.cells for cell in corners)]
    if not whole:
        nothing = Estimate(math.nan, math.nan, math.nan)
        return Interaction(pair, math.nan, math.nan, math.nan, nothing, None, 0, missing)
    solos = [_gain(design, whole, place) for place in (1, 2)]
    amount = estimate(_contrast(design, whole), design.ratio)
    scaled = estimate(_contrast(on_logit, whole), design.ratio) if on_logit else None
    actual = solos[0] + solos[1] + amount.delta
    return Interaction(pair, solos[0], solos[1], actual, amount, scaled, len(whole), missing)


def _contrast(design: Design, squares: Sequence[Corners]) -> list[float]:
    """The interaction in each fold, averaged over backgrounds."""
    plus = [cell for both, _, _, neither in squares for cell in (both, neither)]
    minus = [cell for _, first, second, _ in squares for cell in (first, second)]
    return [amount / len(squares) for amount in design.contrast(plus, minus)]


def _gain(design: Design, squares: Sequence[Corners], place: int) -> float:
    """Mean gain of one corner over the last one, on the folds that all corners have."""
    shared = min(len(design.cells[cell]) for corners in squares for cell in corners)
    gains = (sum(design.cells[c[place]][:shared]) - sum(design.cells[c[3]][:shared]) for c in squares)
    return sum(gains) / shared / len(squares)


def _judged(found: Sequence[Interaction]) -> list[Interaction]:
    """Enter what depends on all pairs together: discoveries, and shrinkage."""
    sure = [one for one in found if not math.isnan(one.amount.se)]
    beyond = discoveries([one.amount.p for one in sure])
    amounts = shrunken([one.amount.delta for one in sure], [one.amount.se for one in sure])
    judged = [
        replace(one, discovered=seen, shrunken=amount) for one, seen, amount in zip(sure, beyond, amounts, strict=True)
    ]
    return judged + [one for one in found if math.isnan(one.amount.se)]


def discoveries(values: Sequence[float], rate: float = RATE) -> list[bool]:
    """Which p-values are discoveries at a false discovery rate.

    References
    ----------
    Benjamini & Hochberg (1995), Controlling the false discovery rate, JRSS B 57.
    """
    order = sorted(values)
    passing = [p for rank, p in enumerate(order, start=1) if p <= rate * rank / len(order)]
    return [bool(passing) and p <= passing[-1] for p in values]


def shrunken(estimates: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Pull estimates towards zero by as much as their noise explains their spread.

    With ``I_i ~ N(theta_i, s_i^2)`` and ``theta_i ~ N(0, tau^2)`` the posterior mean of theta_i is
    ``tau^2 / (tau^2 + s_i^2) * I_i``; tau^2 is estimated by moments, ``max(0, mean(I_i^2 - s_i^2))``. The prior's mean
    is zero because effects that simply add up are what is expected of a pair that nobody has tried.

    References
    ----------
    Efron & Morris (1973), Stein's estimation rule and its competitors, JASA 68; Morris (1983), JASA 78.
    """
    if not estimates:
        return []
    variance = sum(i * i - s * s for i, s in zip(estimates, errors, strict=True)) / len(estimates)
    if variance <= 0:
        return [0.0] * len(estimates)
    return [variance / (variance + s * s) * i for i, s in zip(estimates, errors, strict=True)]


@dataclass(frozen=True)
class Signal:
    """Expected interaction of a pair: its own shrunken one, else the mean of those of its two families, else zero."""

    pairs: dict[Pair, float]
    families: dict[tuple[object, ...], float]
    family: Mapping[tuple[str, str], str]

    def of(self, slots: Sequence[str], cell: Cell, start: Cell) -> float:
        """Sum over all pairs of levels of a cell that are not the starting ones."""
        changed = [(slot, level) for slot, level, now in zip(slots, cell, start, strict=True) if level != now]
        return sum(self._one(pair) for pair in combinations(changed, 2))

    def _one(self, pair: Pair) -> float:
        return self.pairs.get(pair, self.families.get(_families(pair, self.family), 0.0))


def signal(found: Iterable[Interaction], family: Mapping[tuple[str, str], str]) -> Signal:
    """Index what is known of interactions, by pair and by pair of families."""
    pairs, families = dict[Pair, float](), defaultdict[tuple[object, ...], list[float]](list)
    for one in found:
        if one.backgrounds:
            pairs[one.pair] = one.shrunken
            families[_families(one.pair, family)].append(one.shrunken)
    means = {key: sum(values) / len(values) for key, values in families.items()}
    return Signal(pairs, means, family)


def _families(pair: Pair, family: Mapping[tuple[str, str], str]) -> tuple[object, ...]:
    return tuple((slot, family.get((slot, level.variant), level.variant)) for slot, level in pair)


def described(one: Interaction) -> list[str]:
    """The lines on a pair: both solos, the combination as predicted and as it is, and the difference."""
    (slot, level), (other, second) = one.pair
    title = f"{slot} {level} x {other} {second}"
    if not one.backgrounds:
        return [f"{title}: not measured, {len(one.missing)} cells to be scheduled"]
    where = "1 background" if one.backgrounds == 1 else f"{one.backgrounds} backgrounds"
    scaled = "" if one.logit is None else f"; logit {one.logit.delta:+.3f} ± {one.logit.se:.3f}"
    beyond = "" if one.discovered else ", within the noise"
    return [
        f"{title} ({where})",
        f"  first solo            {one.first_solo:+.4f}",
        f"  second solo           {one.second_solo:+.4f}",
        f"  predicted combination {one.predicted:+.4f}",
        f"  actual combination    {one.actual:+.4f}",
        f"  interaction delta     {one.amount.delta:+.4f} ± {one.amount.se:.4f} ({one.kind}{beyond}{scaled})",
    ]
