"""What a search tries next: by its four modes over the library, or over the compositions of a person's script.

Pure but for what it is given: the same results in trial order and the same seed give the same choice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autoresearch import library
from autoresearch.library import Composition
from autoresearch.metrics import Metric, Task
from autoresearch.modes import propose
from autoresearch.policies import nearest_untried
from autoresearch.space import Option, Space
from autoresearch.trial import State
from autoresearch.tried import Level, Tried, incumbent

__all__ = ["Chooser", "Chosen", "Modes", "Nearest", "library_space"]

HOPELESS = 2  # crashes, and nothing else, of changes to the same slots put them last


@dataclass(frozen=True)
class Chosen:
    """A composition to try: its train.py, what it is made of, and why."""

    text: str
    choice: Mapping[str, str]
    params: Mapping[str, Any]
    why: str


class Chooser(Protocol):
    """Chooses what to try."""

    def offers(self, tried: Sequence[Tried]) -> Iterator[Chosen]:
        """The next composition, and others in case it comes to the same as an earlier one.

        Parameters
        ----------
        tried
            In trial order, without the results that are not to be known yet.
        """
        ...


def library_space(task: Task, things: frozenset[str], *, messy: bool) -> Space:
    """The library's variants for a task, on a table that has `things`."""
    options = {
        slot: tuple(Option(slot, v.name, v.family, v.pace, v.parameters, v.values, v.without) for v in every)
        for slot, every in library.variants(task, messy=messy).items()
    }
    start = tuple(Level(variant.name) for variant in library.baseline(task, messy=messy).choice)
    return Space(options, start, things)


@dataclass(frozen=True)
class Modes:
    """Explore, exploit, combine, narrow: `modes`.

    Parameters
    ----------
    ratio
        Validation rows per training row of a fold.
    budget
        Trials of the whole search, those before it included.
    """

    space: Space
    metric: Metric
    ratio: float
    seed: int
    budget: int

    def offers(self, tried: Sequence[Tried]) -> Iterator[Chosen]:
        """What the mode whose turn it is proposes."""
        best, passed = incumbent(tried), list[Tried]()
        before = Composition.of(best.choice, best.params) if best else None
        while True:
            every = [*tried, *passed]
            found = propose(self.space, every, metric=self.metric, ratio=self.ratio, seed=self.seed, budget=self.budget)
            if not found:
                return
            (proposal,) = found
            passed.append(Tried(-1, proposal.choice, proposal.params, state=State.RUNNING))
            if made := Composition.of(proposal.choice, proposal.params):
                text = made.source(made.hypothesis(before))
                yield Chosen(text, proposal.choice, proposal.params, f"{proposal.mode}: {proposal.reason}")


@dataclass(frozen=True)
class Nearest:
    """What changes fewest slots of the incumbent: for a space that is no full product of its slots.

    Parameters
    ----------
    compositions
        The baseline first, which counts as tried.
    """

    compositions: Sequence[Composition]
    seed: int

    def offers(self, tried: Sequence[Tried]) -> Iterator[Chosen]:
        """Untried compositions."""
        by_names = {_names(found): found for found in self.compositions}
        hopeless = self._hopeless(tried)
        hopeful = [found for found in self.compositions if self._changed(dict(_names(found))) not in hopeless]
        names = [tuple(sorted(trial.choice.items())) for trial in tried]
        seen = [self.compositions[0], *(by_names[name] for name in names if name in by_names)]
        best = incumbent(tried)
        before = by_names.get(tuple(sorted(best.choice.items())), seen[0]) if best else seen[0]
        rng = np.random.default_rng([self.seed, len(tried)])
        for space in (hopeful, self.compositions):
            while found := nearest_untried(space, seen, before, rng):
                yield _chosen(found, before, "explore: the nearest to the best so far that was not tried")
                seen.append(found)

    def _hopeless(self, tried: Sequence[Tried]) -> set[frozenset[str]]:
        """Sets of slots that went wrong each time they were changed together, and no others.

        A person's model that asks for columns by name fails with any features but theirs.
        """
        failed = Counter(self._changed(trial.choice) for trial in tried if trial.state.failed)
        fine = {self._changed(trial.choice) for trial in tried if trial.state in (State.COMPLETE, State.PRUNED)}
        return {slots for slots, count in failed.items() if count >= HOPELESS and slots not in fine}

    def _changed(self, choice: Mapping[str, str]) -> frozenset[str]:
        """Slots in which a choice is not the baseline's."""
        start = dict(_names(self.compositions[0]))
        return frozenset(slot for slot, name in choice.items() if start.get(slot) != name)


def _names(composition: Composition) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((variant.slot, variant.name) for variant in composition.choice))


def _chosen(found: Composition, before: Composition | None, why: str) -> Chosen:
    return Chosen(found.source(found.hypothesis(before)), dict(_names(found)), {}, why)
