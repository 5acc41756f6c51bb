"""The trials of compositions as a design: cells with fold scores, and contrasts between them, fold by fold.

Trials of a study share their folds, so whatever is compared is compared within each fold first, then averaged over
backgrounds within the fold, and only then over folds: one standard error, clustered by fold, whatever the number of
backgrounds. Scores are turned so that more is better. A cell that was not measured is never filled in.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from autoresearch.metrics import Metric
from autoresearch.statistics import corrected_se, t_tail
from autoresearch.trial import State
from autoresearch.tried import Cell, Level, Tried

__all__ = ["Design", "Effect", "Estimate", "Folds", "estimate", "logit"]

Folds = tuple[float, ...]


@dataclass(frozen=True)
class Estimate:
    """A contrast and its noise; `p` is two-sided, nan where there is no variance to see."""

    delta: float
    se: float
    p: float


@dataclass(frozen=True)
class Effect:
    """What a level gains over the reference level of its slot, over the backgrounds that have both."""

    slot: str
    level: Level
    gain: Estimate
    backgrounds: int


def estimate(folds: Sequence[float], ratio: float) -> Estimate:
    """Mean of a contrast per fold, its corrected standard error, and the t-test's p on J - 1 degrees of freedom."""
    delta, se = sum(folds) / len(folds), corrected_se(folds, ratio)
    if math.isnan(se):
        return Estimate(delta, se, math.nan)
    if se < 1e-12:  # the same difference in every fold: rounding apart, no noise at all
        return Estimate(delta, se, 1.0 if abs(delta) < 1e-12 else 0.0)
    return Estimate(delta, se, min(1.0, 2 * t_tail(abs(delta) / se, len(folds) - 1)))


def logit(share: float) -> float:
    """Log odds."""
    return math.log(share / (1 - share))


@dataclass(frozen=True)
class Design:
    """Complete trials by their cells; of trials of the same cell the first.

    Parameters
    ----------
    slots
        In the order of a cell's levels.
    cells
        Scores of all folds, repeat after repeat, turned so that more is better.
    seen
        Cells of all trials, whatever became of them.
    ratio
        Validation rows per training row of a fold.
    """

    slots: tuple[str, ...]
    cells: dict[Cell, Folds]
    seen: frozenset[Cell]
    ratio: float

    @classmethod
    def of(
        cls, metric: Metric, tried: Iterable[Tried], ratio: float, scale: Callable[[float], float] = float
    ) -> "Design":
        """Lay out trials; `scale` is applied to each fold's score first.

        A pruned trial is left out: it was stopped for what its first repeats said, so these are no fair sample of it.
        """
        sign = 1 if metric.direction == "maximize" else -1
        cells: dict[Cell, Folds] = {}
        seen, slots = set[Cell](), tuple[str, ...]()
        for trial in tried:
            slots = slots or tuple(trial.choice)
            seen.add(trial.cell)
            if trial.state is State.COMPLETE and trial.repeats and trial.cell not in cells:
                cells[trial.cell] = tuple(sign * scale(score) for score in chain.from_iterable(trial.repeats))
        return cls(slots, cells, frozenset(seen), ratio)

    @cached_property
    def by_background(self) -> list[dict[Cell, dict[Level, Cell]]]:
        """For each slot: the levels that were measured with the same levels in all other slots."""
        found: list[dict[Cell, dict[Level, Cell]]] = [defaultdict(dict) for _ in self.slots]
        for cell in self.cells:
            for place, level in enumerate(cell):
                found[place][cell[:place] + cell[place + 1 :]][level] = cell
        return found

    def mean(self, cell: Cell) -> float:
        """Mean score of a measured cell."""
        folds = self.cells[cell]
        return sum(folds) / len(folds)

    def contrast(self, plus: Sequence[Cell], minus: Sequence[Cell]) -> Folds:
        """Sum of some cells less that of others in each fold, over the complete repeats that all have."""
        above = [self.cells[cell] for cell in plus]
        below = [self.cells[cell] for cell in minus]
        sums = zip(map(sum, zip(*above, strict=False)), map(sum, zip(*below, strict=False)), strict=False)
        return tuple(high - low for high, low in sums)

    def gain(self, after: Cell, before: Cell) -> Estimate:
        """What one measured cell gains over another."""
        return estimate(self.contrast([after], [before]), self.ratio)

    def effects(self, place: int, reference: Level) -> list[Effect]:
        """What each level of a slot gains over `reference` on average, matched by background; best first."""
        pairs: dict[Level, list[tuple[Cell, Cell]]] = defaultdict(list)
        for levels in self.by_background[place].values():
            if reference in levels:
                for level, cell in levels.items():
                    if level != reference:
                        pairs[level].append((cell, levels[reference]))
        found = [
            Effect(self.slots[place], level, estimate(self.averaged(both), self.ratio), len(both))
            for level, both in pairs.items()
        ]
        return sorted(found, key=lambda effect: (-effect.gain.delta, effect.level))

    def averaged(self, pairs: Sequence[tuple[Cell, Cell]]) -> Folds:
        """Mean over pairs of cells of the first less the second, in each fold."""
        folds = self.contrast([after for after, _ in pairs], [before for _, before in pairs])
        return tuple(gain / len(pairs) for gain in folds)
