"""What a search knows of a trial: the variants it was made of, their parameters, and what came out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from autoresearch.trial import Repeats, State

__all__ = ["Cell", "Level", "Tried", "incumbent", "replaced", "spelled"]


class Level(NamedTuple):
    """What stands in a slot: a variant, and the parameters that differ from those in its file."""

    variant: str
    params: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        said = ", ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                         for name, value in self.params)  # fmt: skip
        return f"{self.variant} ({said})" if said else self.variant


Cell = tuple[Level, ...]
"""One level for every slot, in the slots' order: a cell of the design."""


@dataclass(frozen=True)
class Tried:
    """A trial of a composition.

    Parameters
    ----------
    choice
        Slot to the name of its variant, in the slots' order.
    params
        ``slot.parameter`` to the value used; what is absent has the value of the variant's file.
    repeats
        Fold scores, one inner tuple per complete repeat; of a pruned trial those before it was stopped.
    reason
        Why it crashed or was pruned.
    kept
        Whether it became the incumbent.
    """

    n: int
    choice: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    repeats: Repeats = ()
    state: State = State.COMPLETE
    reason: str = ""
    kept: bool = False

    @cached_property
    def cell(self) -> Cell:
        """The levels of its slots."""
        if not self.params:
            return tuple(Level(variant) for variant in self.choice.values())
        own: dict[str, dict[str, Any]] = {slot: {} for slot in self.choice}
        for name, value in self.params.items():
            slot, _, parameter = name.partition(".")
            own[slot][parameter] = value
        return tuple(Level(variant, tuple(sorted(own[slot].items()))) for slot, variant in self.choice.items())

    @cached_property
    def score(self) -> float | None:
        """Mean over all folds of a complete trial."""
        folds = [score for repeat in self.repeats for score in repeat]
        return sum(folds) / len(folds) if folds and self.state is State.COMPLETE else None


def incumbent(tried: Iterable[Tried]) -> Tried | None:
    """The last kept trial."""
    return next((trial for trial in reversed(list(tried)) if trial.kept), None)


def spelled(slots: Iterable[str], cell: Cell) -> tuple[dict[str, str], dict[str, Any]]:
    """The choice and the parameters of a cell."""
    pairs = list(zip(slots, cell, strict=True))
    choice = {slot: level.variant for slot, level in pairs}
    return choice, {f"{slot}.{name}": value for slot, level in pairs for name, value in level.params}


def replaced(cell: Cell, *changes: tuple[int, Level]) -> Cell:
    """The cell with other levels in some places."""
    found = list(cell)
    for place, level in changes:
        found[place] = level
    return tuple(found)
