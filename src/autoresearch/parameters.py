"""What may vary in a variant: ranges and choices of its keyword arguments, read where they stand in its text.

A variant says ``RANGES = {"C": (0.01, 10.0, "log"), "weights": ["distance", "uniform"]}``: a tuple of low, high and
kind, or a list of choices. Each name is a keyword argument that stands once in the slot's function, with a literal;
that literal is the value in use, and what is rewritten to use another one.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoresearch.errors import AutoresearchError
from autoresearch.syntax import parsed

__all__ = ["KINDS", "Choice", "Parameter", "Range", "declared", "rewritten", "values"]

KINDS = ("float", "log", "int", "log int")
DIGITS = 4  # significant ones of a value written into a train.py


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones, or evenly spread by their logarithm."""

    low: float
    high: float
    whole: bool
    log: bool

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        number = isinstance(value, int if self.whole else (int, float)) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{'whole numbers' if self.whole else 'numbers'} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of several literals."""

    options: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.options

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.options))}"


Parameter = Range | Choice


def declared(ranges: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters that RANGES declares.

    Raises
    ------
    AutoresearchError
        An entry is neither (low, high, kind) nor a list of choices.
    """
    return {name: _parameter(name, given) for name, given in ranges.items()}


def _parameter(name: str, given: Any) -> Parameter:
    match given:
        case [*options] if isinstance(given, list) and options:
            return Choice(tuple(options))
        case (int() | float() as low, int() | float() as high, str() as kind) if kind in KINDS and low < high:
            if low > 0 or "log" not in kind:
                return Range(low, high, "int" in kind, "log" in kind)
    raise AutoresearchError(
        f"RANGES[{name!r}]: {given!r} is no range; write (low, high, kind) with low < high, positive for a log, "
        f"and a kind of {', '.join(KINDS)}, or a list of choices"
    )


def values(code: str, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The value that each parameter has in `code`.

    Raises
    ------
    AutoresearchError
        A name does not stand there exactly once with a literal that its parameter allows.
    """
    found = {name: ast.literal_eval(node) for name, node in _places(code, parameters).items()}
    for name, value in found.items():
        _check(name, value, parameters)
    return found


def rewritten(code: str, parameters: Mapping[str, Parameter], new: Mapping[str, Any]) -> str:
    """`code` with other values for some of its parameters, and nothing else changed.

    Raises
    ------
    AutoresearchError
        A name is no parameter of this code, or a value is not allowed.
    """
    places = _places(code, parameters)
    edits = []
    for name, value in new.items():
        if name not in parameters:
            raise AutoresearchError(f"{name!r} is no parameter; choose {', '.join(parameters) or 'none: it has none'}")
        _check(name, value, parameters)
        node = places[name]
        assert node.end_lineno == node.lineno
        assert node.end_col_offset is not None
        edits.append((node.lineno - 1, node.col_offset, node.end_col_offset, _literal(value)))
    lines = [line.encode() for line in code.split("\n")]  # columns of a syntax tree count bytes
    for line, start, end, text in sorted(edits, reverse=True):
        lines[line] = lines[line][:start] + text.encode() + lines[line][end:]
    return b"\n".join(lines).decode()


def _places(code: str, parameters: Mapping[str, Parameter]) -> dict[str, ast.expr]:
    tree = parsed(code)
    places: dict[str, ast.expr] = {}
    for name in parameters:
        keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == name]
        if len(keywords) != 1 or not _is_literal(keywords[0].value):
            raise AutoresearchError(
                f"RANGES[{name!r}]: the function has {len(keywords)} keyword arguments of that name; "
                "it needs exactly one, with a literal"
            )
        places[name] = keywords[0].value
    return places


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _check(name: str, value: Any, parameters: Mapping[str, Parameter]) -> None:
    if not parameters[name].holds(value):
        raise AutoresearchError(f"{name}={value!r} is out of bounds; give {parameters[name]}")


def _literal(value: Any) -> str:
    """Write a value as a person would, rounded where it is no whole number."""
    if isinstance(value, float) and value and math.isfinite(value):
        value = round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
    text = repr(value)
    return text.replace("'", '"') if isinstance(value, str) and '"' not in text else text
