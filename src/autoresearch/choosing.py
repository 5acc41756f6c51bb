"""What a search tries next, by its four modes, over the library or over a person's script with the library beside it.

Pure but for what it is given: the same results in trial order and the same seed give the same choice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autoresearch import library
from autoresearch.library import Composition, Variant
from autoresearch.metrics import Metric, Task
from autoresearch.modes import propose
from autoresearch.space import Option, Space
from autoresearch.trial import State
from autoresearch.tried import Level, Tried, incumbent

__all__ = ["Catalogue", "Chooser", "Chosen", "Modes", "library_space", "options"]


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


@dataclass(frozen=True)
class Catalogue:
    """What a search composes from.

    Parameters
    ----------
    compose
        Makes the composition of a choice and its parameters; None where a part of it is not there any more.
    """

    space: Space
    compose: Callable[[Mapping[str, str], Mapping[str, Any]], Composition | None]


def options(offered: Mapping[str, Sequence[Variant]]) -> dict[str, tuple[Option, ...]]:
    """Variants of each slot as a search sees them."""
    return {
        slot: tuple(Option(slot, v.name, v.family, v.pace, v.parameters, v.values, v.without) for v in every)
        for slot, every in offered.items()
    }


def library_space(task: Task, things: frozenset[str], *, messy: bool) -> Space:
    """The library's variants for a task, on a table that has `things`."""
    start = tuple(Level(variant.name) for variant in library.baseline(task, messy=messy).choice)
    return Space(options(library.variants(task, messy=messy)), start, things)


@dataclass(frozen=True)
class Modes:
    """Chooses by the four modes, explore, exploit, combine, narrow: `modes`.

    Parameters
    ----------
    ratio
        Validation rows per training row of a fold.
    budget
        Trials of the whole search, those before it included.
    """

    catalogue: Catalogue
    metric: Metric
    ratio: float
    seed: int
    budget: int

    def offers(self, tried: Sequence[Tried]) -> Iterator[Chosen]:
        """What the mode whose turn it is proposes."""
        best, passed = incumbent(tried), list[Tried]()
        space, compose = self.catalogue.space, self.catalogue.compose
        before = compose(best.choice, best.params) if best else None
        while True:
            every = [*tried, *passed]
            found = propose(space, every, metric=self.metric, ratio=self.ratio, seed=self.seed, budget=self.budget)
            if not found:
                return
            (proposal,) = found
            passed.append(Tried(-1, proposal.choice, proposal.params, state=State.RUNNING))
            if made := compose(proposal.choice, proposal.params):
                text = made.source(made.hypothesis(before))
                yield Chosen(text, proposal.choice, proposal.params, f"{proposal.mode}: {proposal.reason}")
