"""Where a search stands: the winner, what was seen, what is given up, how families rank. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from autoresearch.design import Design
from autoresearch.metrics import Metric
from autoresearch.pruning import dropped
from autoresearch.sampling import Result
from autoresearch.space import Option, Space
from autoresearch.trial import State
from autoresearch.tried import Cell, Level, Tried, incumbent, replaced

__all__ = ["HOPELESS", "Standing"]

HOPELESS = 2  # crashes, and nothing else, of changes to the same slots end such changes


@dataclass(frozen=True)
class Standing:
    """What is known before the next proposal.

    Parameters
    ----------
    tried
        Trials in their order, running ones among them.
    pending
        Cells proposed since, of which nothing is known yet.
    """

    space: Space
    tried: Sequence[Tried]
    metric: Metric
    ratio: float
    pending: tuple[Cell, ...] = ()

    @property
    def count(self) -> int:
        """Trials made or proposed."""
        return len(self.tried) + len(self.pending)

    @cached_property
    def design(self) -> Design:
        """The complete trials."""
        return Design.of(self.metric, self.tried, self.ratio)

    @cached_property
    def seen(self) -> set[Cell]:
        """Effective cells that were tried or proposed."""
        return {self.space.effective(cell) for cell in (*(trial.cell for trial in self.tried), *self.pending)}

    @cached_property
    def out(self) -> set[tuple[str, str]]:
        """Slots and variants that are given up; never the winner's."""
        found = dropped(self.metric, self.tried, self.space.family, self.ratio)
        winners = {(slot, level.variant) for slot, level in zip(self.space.slots, self.winner, strict=True)}
        return {(one.slot, name) for one in found for name in one.variants} - winners

    @cached_property
    def winner(self) -> Cell:
        """The cell of the incumbent; before there is one, the best or the first cell."""
        kept = incumbent(self.tried)
        if kept is not None:
            return kept.cell
        return max(self.design.cells, key=self.design.mean, default=self.space.start)

    def options(self, slot: str) -> list[Option]:
        """Effective options of a slot that are not given up, by their pace."""
        return [option for option in self.space.effective_options(slot) if (slot, option.name) not in self.out]

    @cached_property
    def hopeless(self) -> set[frozenset[str]]:
        """Slots that went wrong each time they, and no others, were changed beside a person's own code.

        Their model may ask for columns by name, and then fails with any features but theirs.
        """
        if self.space.own is None:
            return set()
        failed = Counter(self._changed(trial.cell) for trial in self.tried if trial.state.failed)
        fine = {self._changed(trial.cell) for trial in self.tried if trial.state in (State.COMPLETE, State.PRUNED)}
        return {slots for slots, count in failed.items() if count >= HOPELESS and slots not in fine}

    def _changed(self, cell: Cell) -> frozenset[str]:
        """Slots in which a cell has another variant than the start."""
        found = zip(self.space.slots, cell, self.space.start, strict=True)
        return frozenset(slot for slot, level, start in found if level.variant != start.variant)

    def new(self, cell: Cell) -> bool:
        """Whether a cell comes to something that was not tried and is made of nothing given up."""
        cell = self.space.effective(cell)
        return (
            cell not in self.seen
            and not any((slot, level.variant) in self.out for slot, level in zip(self.space.slots, cell, strict=True))
            and self._changed(cell) not in self.hopeless
        )

    @cached_property
    def used(self) -> list[set[str]]:
        """Variants tried in each slot."""
        return [{cell[place].variant for cell in self.seen} for place in range(len(self.space.slots))]

    def ranking(self, slot: str) -> list[tuple[str, Cell]]:
        """Families of a slot with the best cell of each, best first."""
        place, best = self.space.slots.index(slot), dict[str, Cell]()
        for cell in self.design.cells:
            key = slot, cell[place].variant
            name = self.space.family.get(key, cell[place].variant)
            if key not in self.out and (name not in best or self.design.mean(cell) > self.design.mean(best[name])):
                best[name] = cell
        return sorted(best.items(), key=lambda pair: (-self.design.mean(pair[1]), pair[0]))

    def results(self, place: int, background: Cell) -> list[Result]:
        """Levels of a slot that were tried, in trial order, with scores as if all other slots were `background`'s.

        The scores of another background are moved by what the levels that both have differ on average; a background
        that shares no level tells nothing.
        """
        here = self._rest(background, place)
        by_background = self.design.by_background[place]
        known = by_background.get(here, {})
        found = []
        for trial in self.tried:
            there = self._rest(trial.cell, place)
            shared = known.keys() & by_background.get(there, {}).keys()
            if trial.state is State.RUNNING or not shared:
                continue
            moves = [self.design.mean(known[x]) - self.design.mean(by_background[there][x]) for x in sorted(shared)]
            score = self.design.mean(trial.cell) + sum(moves) / len(moves) if trial.cell in self.design.cells else None
            found.append(Result(trial.cell[place], score))
        return found

    @staticmethod
    def _rest(cell: Cell, place: int) -> Cell:
        return cell[:place] + cell[place + 1 :]

    def with_variant(self, place: int, name: str) -> Cell:
        """The winner with another variant in a slot."""
        return replaced(self.winner, (place, Level(name)))
