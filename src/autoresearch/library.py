"""The library of variants, read from their files, and their composition into one readable train.py."""

import ast
import itertools
import json
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from autoresearch.errors import AutoresearchError
from autoresearch.metrics import Task

__all__ = ["SLOTS", "Composition", "Variant", "baseline", "compositions", "variants"]

SLOTS = {"features": "feature_fn", "preprocessing": "build_preprocessing", "model": "build_model"}
"""Slot to the function that a variant of it defines, in the order of train.py."""
TEMPLATE = "composition.py.txt"
WIDTH = 120  # of a line of train.py


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
    imports, code
        Its import statements and the text of its function.
    """

    slot: str
    name: str
    title: str
    family: str
    tasks: tuple[str, ...]
    imports: tuple[ast.Import | ast.ImportFrom, ...]
    code: str


@dataclass(frozen=True)
class Composition:
    """One variant for every slot."""

    choice: tuple[Variant, ...]

    def distance(self, other: "Composition") -> int:
        """In how many slots two compositions differ."""
        return sum(a.name != b.name for a, b in zip(self.choice, other.choice, strict=True))

    def hypothesis(self, before: "Composition | None" = None) -> str:
        """What is tried: the slots that differ from `before`, or all of them."""
        changed = [v for i, v in enumerate(self.choice) if before is None or v.name != before.choice[i].name]
        return "; ".join(f"{variant.slot}: {variant.title}" for variant in changed)

    def source(self, hypothesis: str) -> str:
        """The train.py: imports merged, one function per slot, build_pipeline, the contract's last lines."""
        template = resources.files("autoresearch").joinpath(TEMPLATE).read_text(encoding="utf-8")
        imports = _merge([node for variant in self.choice for node in variant.imports] + _pipeline_import())
        slots = "\n\n\n".join(variant.code for variant in self.choice)
        filled = template.replace("{imports}", imports).replace("{slots}", slots)
        return filled.replace("{hypothesis}", _literal(hypothesis))


@cache
def variants(task: Task) -> dict[str, tuple[Variant, ...]]:
    """Slot to its variants for `task`, by name.

    Raises
    ------
    AutoresearchError
        A file lacks FAMILY, TASKS, a docstring or the slot's function.
    """
    root = resources.files("autoresearch").joinpath("variants")
    found = {}
    for slot in SLOTS:
        files = sorted(root.joinpath(slot).iterdir(), key=lambda file: file.name)
        read = (_variant(slot, file) for file in files if file.name.endswith(".py") and file.name != "__init__.py")
        found[slot] = tuple(variant for variant in read if task in variant.tasks)
    return found


def compositions(task: Task) -> list[Composition]:
    """Every choice of one variant per slot."""
    return [Composition(choice) for choice in itertools.product(*variants(task).values())]


def baseline(task: Task) -> Composition:
    """The composition that a run starts from where nobody wrote a train.py: columns as they are, a linear model."""
    plain = {"as_is", "scale_and_encode", "logistic_regression", "ridge"}
    return next(found for found in compositions(task) if all(variant.name in plain for variant in found.choice))


def _variant(slot: str, file: Traversable) -> Variant:
    text, name = file.read_text(encoding="utf-8"), file.name.removesuffix(".py")
    tree = ast.parse(text)
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
    return Variant(
        slot=slot,
        name=name,
        title=docstring.splitlines()[0].rstrip("."),
        family=constants["FAMILY"],
        tasks=tuple(constants["TASKS"]),
        imports=tuple(node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))),
        code="\n".join(text.splitlines()[function.lineno - 1 : function.end_lineno]),
    )


def _pipeline_import() -> list[ast.Import | ast.ImportFrom]:
    return [ast.ImportFrom("sklearn.pipeline", [ast.alias("make_pipeline")], 0)]


def _literal(text: str) -> str:
    """Write `text` as a string literal, over several lines where it is too long for one."""
    line = json.dumps(text, ensure_ascii=False)
    if len("HYPOTHESIS = ") + len(line) <= WIDTH:
        return line
    parts = textwrap.wrap(
        text, WIDTH - len('    ""'), drop_whitespace=False, expand_tabs=False, replace_whitespace=False
    )
    return "(\n" + "".join(f"    {json.dumps(part, ensure_ascii=False)}\n" for part in parts) + ")"


def _merge(nodes: Iterable[ast.Import | ast.ImportFrom]) -> str:
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
    statements += [(name, f"from {name} import {', '.join(_sorted(names))}") for name, names in sorted(from_.items())]
    for name, statement in statements:
        groups[name.split(".")[0].split()[0] not in sys.stdlib_module_names].append(statement)
    return "\n\n".join("\n".join(group) for group in groups if group)


def _sorted(names: set[str]) -> list[str]:
    """Classes before functions, as isort has it."""
    return sorted(names, key=lambda name: (not name[0].isupper(), name))
