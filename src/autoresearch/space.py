"""The space of a search: the variants of each slot, and which of their compositions come to the same on a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from autoresearch.parameters import Parameter
from autoresearch.tried import Cell, Level, replaced

__all__ = ["PACES", "THINGS", "Option", "Own", "Space", "things"]

THINGS = ("numbers", "categories", "dates", "text", "missing")
"""What a table may lack, so that some variants have nothing to act on."""

PACES = ("first", "quick", "late", "slow", "boxed")
"""In which order variants are tried, other things equal."""


@dataclass(frozen=True)
class Option:
    """A variant as a search sees it.

    Parameters
    ----------
    pace
        One of `PACES`: ``first`` did well on other tables, ``late`` did not, ``boxed`` takes a set time.
    parameters, values
        What may vary in it, and the value that each has in its file.
    without
        One of `THINGS` to the variant of the same slot that this one equals on a table without it; to its own name
        where that is all that its parameters act on.
    """

    slot: str
    name: str
    family: str
    pace: str = "quick"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Own:
    """How a person's own code, with which a space then starts, goes with the library's.

    Parameters
    ----------
    whole
        Their model has its encoding within it, and goes with no other.
    stand_in
        The encoding that another model gets where theirs cannot be had alone; empty where it can.
    """

    whole: bool
    stand_in: str


@dataclass(frozen=True)
class Space:
    """Options of each slot, in the slots' order.

    Parameters
    ----------
    start
        The composition that a run begins with, one level for each slot.
    table
        Which of `THINGS` the table has.
    encoding, model
        The two slots of which every effective pair is tried.
    own
        Where the start is a person's own code.
    """

    options: Mapping[str, Sequence[Option]]
    start: Cell
    table: frozenset[str] = frozenset(THINGS)
    encoding: str = "preprocessing"
    model: str = "model"
    own: Own | None = None

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """Names of the slots."""
        return tuple(self.options)

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Option]:
        """Options by slot and name."""
        return {(slot, option.name): option for slot, options in self.options.items() for option in options}

    @cached_property
    def family(self) -> dict[tuple[str, str], str]:
        """Families by slot and name."""
        return {key: option.family for key, option in self.by_name.items()}

    def place(self, slot: str) -> int | None:
        """Where a slot stands in a cell; None where there is no such slot."""
        return self.slots.index(slot) if slot in self.options else None

    def effective(self, cell: Cell) -> Cell:
        """The cell that stands for all those that lead to the same pipeline on this table.

        A variant with nothing to act on becomes the one that it equals then, and a parameter that is given the value
        of its file is not given at all. A person's own model and encoding come with what they need.
        """
        found = tuple(self._effective(slot, level) for slot, level in zip(self.slots, cell, strict=True))
        model, encoding = self.place(self.model), self.place(self.encoding)
        if self.own is None or model is None or encoding is None:
            return found
        own_model, own_encoding = (found[at].variant == self.start[at].variant for at in (model, encoding))
        if own_model and self.own.whole:
            return replaced(found, (encoding, self.start[encoding]))
        if own_encoding and not own_model and self.own.stand_in:
            return replaced(found, (encoding, Level(self.own.stand_in)))
        return found

    def _effective(self, slot: str, level: Level) -> Level:
        option = self.by_name.get((slot, level.variant))
        if option is None:
            return level
        for thing, same in option.without.items():
            if thing not in self.table and (slot, same) in self.by_name:
                if same == option.name:
                    return Level(same)
                return self._effective(slot, Level(same, level.params))
        known = tuple(pair for pair in level.params if pair[0] in option.parameters)
        return Level(option.name, tuple(pair for pair in known if pair[1] != option.values.get(pair[0])))

    def effective_options(self, slot: str) -> list[Option]:
        """Options of a slot of which no two come to the same, by their pace."""
        found = {self._effective(slot, Level(option.name)).variant for option in self.options[slot]}
        return sorted(
            (option for option in self.options[slot] if option.name in found), key=lambda one: PACES.index(one.pace)
        )

    def cells(self) -> list[Cell]:
        """Every effective composition of variants as they are in their files."""
        return [
            tuple(Level(option.name) for option in chosen)
            for chosen in product(*(self.effective_options(slot) for slot in self.slots))
        ]


def things(dtypes: Mapping[str, str], missing: Mapping[str, int], *, messy: bool) -> frozenset[str]:
    """Which of `THINGS` a table has.

    Parameters
    ----------
    dtypes, missing
        Of each column but the target: pandas type, and missing values.
    messy
        Whether dates or text may hide in columns of strings.
    """
    kinds = list(dtypes.values())
    strings = any(kind.startswith(("str", "object")) for kind in kinds)
    found = {
        "numbers": any(kind.lower().startswith(("int", "uint", "float")) for kind in kinds),
        "categories": strings or any(kind.startswith(("category", "bool")) for kind in kinds),
        "dates": (messy and strings) or any(kind.startswith("datetime") for kind in kinds),
        "text": messy and strings,
        "missing": any(missing.values()),
    }
    return frozenset(name for name in THINGS if found[name])
