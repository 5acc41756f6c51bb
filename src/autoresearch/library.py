"""The library of variants, read from their files, and their composition into one readable train.py."""

import ast
import itertools
import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal

from autoresearch import parameters
from autoresearch.errors import AutoresearchError
from autoresearch.metrics import Task
from autoresearch.parameters import Parameter
from autoresearch.source import fingerprints
from autoresearch.syntax import parsed

__all__ = [
    "SLOTS",
    "WIDTH",
    "Composition",
    "Variant",
    "baseline",
    "compositions",
    "literal",
    "merged",
    "picked",
    "recognised",
    "variants",
]

SLOTS = {"features": "feature_fn", "preprocessing": "build_preprocessing", "model": "build_model"}
"""Slot to the function that a variant of it defines, in the order of train.py."""
TEMPLATE = "composition.py.txt"
WIDTH = 120  # of a line of train.py
Pace = Literal["first", "quick", "late", "slow", "boxed"]
PLAIN, MESSY = "plain", "messy"
OPTIONAL: dict[str, Any] = {"PACE": "quick", "TABLES": (PLAIN, MESSY), "RANGES": {}, "WITHOUT": {}}
"""What a variant's file need not say."""


@dataclass(frozen=True)
class Variant:
    """One choice for a slot.

    Parameters
    ----------
    title
        First line of its docstring, without the full stop.
    family
        What it is a kind of; variants of a family tend to win or lose together.
    tasks
        Tasks it can be used for.
    tables
        Tables it is meant for: ``plain`` ones of numbers and categories, ``messy`` ones with dates or text.
    pace
        ``quick``; ``first``, to be tried before the others; ``late`` and ``slow``, after the quick ones; ``boxed``,
        which takes a set time and need not repeat.
    parameters, values
        What may vary in its function, and the value that each has there.
    without
        What a table may lack to the variant that this one then equals, itself without parameters or another: see
        `space.THINGS`.
    imports, code
        Its import statements and the text of its function.
    """

    slot: str
    name: str
    code: str
    title: str = field(compare=False)
    family: str = field(compare=False)
    tasks: tuple[str, ...] = field(compare=False)
    tables: tuple[str, ...] = field(compare=False)
    pace: Pace = field(compare=False)
    parameters: Mapping[str, Parameter] = field(compare=False)
    values: Mapping[str, Any] = field(compare=False)
    without: Mapping[str, str] = field(compare=False)
    imports: tuple[ast.Import | ast.ImportFrom, ...] = field(compare=False)

    def at(self, **values: Any) -> "Variant":
        """The variant with other values for some of its parameters, said in its title.

        Raises
        ------
        AutoresearchError
            A name is no parameter of it, or a value is out of bounds.
        """
        code = parameters.rewritten(self.code, self.parameters, values)
        now = parameters.values(code, self.parameters)
        said = ", ".join(f"{name}={now[name]!r}" for name in values)
        return replace(self, code=code, values=now, title=f"{self.title}, {said}" if said else self.title)


@dataclass(frozen=True)
class Composition:
    """One variant for every slot."""

    choice: tuple[Variant, ...]

    @classmethod
    def of(cls, choice: Mapping[str, str], params: Mapping[str, Any]) -> "Composition | None":
        """Compose variants by slot, with values by ``slot.parameter``; None where the library has lost one of them."""
        found = picked(_all(), choice, params)
        return cls(found) if found else None

    def hypothesis(self, before: "Composition | None" = None) -> str:
        """What is tried: the slots that differ from `before`, or all of them."""
        changed = [v for i, v in enumerate(self.choice) if before is None or v != before.choice[i]]
        return "; ".join(f"{variant.slot}: {variant.title}" for variant in changed)

    def source(self, hypothesis: str) -> str:
        """The train.py: imports merged, one function per slot, build_pipeline, the contract's last lines."""
        template = resources.files("autoresearch").joinpath(TEMPLATE).read_text(encoding="utf-8")
        imports = merged([node for variant in self.choice for node in variant.imports] + _pipeline_import())
        slots = "\n\n\n".join(variant.code for variant in self.choice)
        filled = template.replace("{imports}", imports).replace("{slots}", slots)
        return filled.replace("{hypothesis}", literal(hypothesis))


@cache
def _all() -> dict[str, tuple[Variant, ...]]:
    root = resources.files("autoresearch").joinpath("variants")
    found = {}
    for slot in SLOTS:
        files = sorted(root.joinpath(slot).iterdir(), key=lambda file: file.name)
        wanted = (file for file in files if file.name.endswith(".py") and file.name != "__init__.py")
        found[slot] = tuple(_variant(slot, file) for file in wanted)
    return found


def picked(
    offered: Mapping[str, Sequence[Variant]], choice: Mapping[str, str], params: Mapping[str, Any]
) -> tuple[Variant, ...] | None:
    """Variants by slot and name, with values by ``slot.parameter``; None where one of them is not offered."""
    found = list[Variant]()
    for slot, every in offered.items():
        variant = next((v for v in every if v.name == choice.get(slot)), None)
        values = {name.partition(".")[2]: value for name, value in params.items() if name.startswith(f"{slot}.")}
        if variant is None or not values.keys() <= variant.parameters.keys():
            return None
        found.append(variant.at(**values) if values else variant)
    return tuple(found)


def variants(task: Task, *, messy: bool = False) -> dict[str, tuple[Variant, ...]]:
    """Slot to its variants for `task` on a plain table, or on a messy one, by name.

    Raises
    ------
    AutoresearchError
        A file lacks FAMILY, TASKS, a docstring or the slot's function, or declares what is no range.
    """
    table = MESSY if messy else PLAIN
    return {slot: tuple(v for v in found if task in v.tasks and table in v.tables) for slot, found in _all().items()}


def compositions(task: Task, *, messy: bool = False) -> list[Composition]:
    """Every choice of one variant per slot."""
    return [Composition(choice) for choice in itertools.product(*variants(task, messy=messy).values())]


def baseline(task: Task, *, messy: bool = False) -> Composition:
    """The composition that a run starts from where nobody wrote a train.py: columns as they are, a linear model.

    Parameters
    ----------
    messy
        Whether the table has dates, text or many categories in a column: one column per category would be thousands.
    """
    names = {"as_is", "recognise_and_scale" if messy else "scale_and_encode", "logistic_regression", "ridge"}
    found = variants(task, messy=messy).values()
    return Composition(tuple(next(variant for variant in slot if variant.name in names) for slot in found))


def recognised(source: str) -> Composition | None:
    """The composition that a source is, whatever its hypothesis; None where somebody wrote it or changed a value."""
    try:
        tree = parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = source.splitlines()
    written = {
        node.name: fingerprints("\n".join(lines[node.lineno - 1 : node.end_lineno])).code
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    # the same function can stand in several files that import its names from elsewhere
    fitting = [[v for v in _all()[slot] if _code(v) == written.get(name)] for slot, name in SLOTS.items()]
    wanted = fingerprints(source).code
    possible = (Composition(choice) for choice in itertools.product(*fitting))
    return next((found for found in possible if fingerprints(found.source("")).code == wanted), None)


@cache
def _code(variant: Variant) -> str:
    return fingerprints(variant.code).code


def _variant(slot: str, file: Traversable) -> Variant:
    text, name = file.read_text(encoding="utf-8"), file.name.removesuffix(".py")
    tree = parsed(text)
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    function = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == SLOTS[slot]), None)
    docstring = ast.get_docstring(tree)
    if function is None or docstring is None or not {"FAMILY", "TASKS"} <= constants.keys():
        raise AutoresearchError(
            f"variants/{slot}/{file.name}: a variant has a docstring, FAMILY, TASKS and a function {SLOTS[slot]}"
        )
    given = OPTIONAL | constants
    code = "\n".join(text.splitlines()[function.lineno - 1 : function.end_lineno])
    try:
        declared = parameters.declared(given["RANGES"])
        values = parameters.values(code, declared)
    except AutoresearchError as error:
        raise AutoresearchError(f"variants/{slot}/{file.name}: {error}") from None
    return Variant(
        slot=slot,
        name=name,
        title=docstring.splitlines()[0].rstrip("."),
        family=given["FAMILY"],
        tasks=tuple(given["TASKS"]),
        tables=tuple(given["TABLES"]),
        pace=given["PACE"],
        parameters=declared,
        values=values,
        without=given["WITHOUT"],
        imports=tuple(node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))),
        code=code,
    )


def _pipeline_import() -> list[ast.Import | ast.ImportFrom]:
    return [ast.ImportFrom("sklearn.pipeline", [ast.alias("make_pipeline")], 0)]


def literal(text: str) -> str:
    """Write `text` as a string literal, over several lines where it is too long for one."""
    line = json.dumps(text, ensure_ascii=False)
    if len("HYPOTHESIS = ") + len(line) <= WIDTH:
        return line
    parts = textwrap.wrap(
        text, WIDTH - len('    ""'), drop_whitespace=False, expand_tabs=False, replace_whitespace=False
    )
    return "(\n" + "".join(f"    {json.dumps(part, ensure_ascii=False)}\n" for part in parts) + ")"


def merged(nodes: Iterable[ast.Import | ast.ImportFrom]) -> str:
    """Import statements in the order that linters want: standard library first, each module once."""
    plain: set[str] = set()
    from_: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            plain |= {ast.unparse(alias) for alias in node.names}
        else:
            from_.setdefault(node.module or "", set()).update(ast.unparse(alias) for alias in node.names)
    groups: tuple[list[str], list[str]] = ([], [])
    statements = [(name, f"import {name}") for name in sorted(plain)]
    statements += [(name, _from(name, _sorted(names))) for name, names in sorted(from_.items())]
    for name, statement in statements:
        groups[name.split(".")[0].split()[0] not in sys.stdlib_module_names].append(statement)
    return "\n\n".join("\n".join(group) for group in groups if group)


def _from(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _sorted(names: set[str]) -> list[str]:
    """Classes before functions, as isort has it."""
    return sorted(names, key=lambda name: (not name[0].isupper(), name))
