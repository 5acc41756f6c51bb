"""A Python script as pieces of its own text: what each binds, what it uses, and what else it therefore needs. Pure."""

import ast
import io
import re
import symtable
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from autoresearch.errors import AutoresearchError
from autoresearch.syntax import parsed

__all__ = ["Function", "Import", "Kind", "Piece", "Script", "is_call_of", "last_name", "read", "renamed"]

Kind = Literal["import", "function", "class", "constant", "setting", "guard", "other"]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Import = ast.Import | ast.ImportFrom
SETTINGS = frozenset(
    {"seed", "manual_seed", "set_random_seed", "filterwarnings", "simplefilter", "set_option", "set_config"}
)
"""Calls at the top of a script that change how the rest of it behaves."""
LINE = re.compile(r"\r\n|\r|\n")  # what Python takes for the end of a line, and nothing else
CELL = re.compile(
    r"#\s*(%%|In\s*\[|!|-\*-|\+)|#!"
)  # marks of a notebook's cells, first lines: no comment on what follows


@dataclass(frozen=True)
class Piece:
    """One statement at the top of a script.

    Parameters
    ----------
    names, uses
        What it binds, and the global names that it needs.
    touches
        The name that it changes in place, as ``COLUMNS.append("age")`` does; empty where none.
    first, last
        Its lines from 1 on, the comments right above it and its decorators among them.
    """

    kind: Kind
    node: ast.stmt
    text: str
    names: frozenset[str]
    uses: frozenset[str]
    touches: str
    first: int
    last: int


@dataclass(frozen=True)
class Script:
    """A script of which every piece is known."""

    name: str
    text: str
    tree: ast.Module
    pieces: tuple[Piece, ...]

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Functions at the top, the last one of a name, in order."""
        return {p.node.name: p.node for p in self.pieces if isinstance(p.node, Function)}

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Classes at the top."""
        return {p.node.name: p.node for p in self.pieces if isinstance(p.node, ast.ClassDef)}

    @cached_property
    def modules(self) -> dict[str, str]:
        """Imported names to where they are from: ``pd`` to ``pandas``, ``Ridge`` to ``sklearn.linear_model.Ridge``."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found

    @property
    def driver(self) -> Iterator[ast.stmt]:
        """What runs when the script is run: the main guard and loose statements."""
        return (piece.node for piece in self.pieces if piece.kind in ("guard", "constant", "other"))

    def segment(self, node: ast.AST) -> str:
        """The text of a node."""
        return ast.get_source_segment(self.text, node) or ""

    def literal(self, node: ast.AST | None) -> object:
        """The value of a literal, or of a name that is bound once at the top to one; None for anything else."""
        if isinstance(node, ast.Name):
            values = [p.node.value for p in self.pieces if isinstance(p.node, ast.Assign) and p.names == {node.id}]
            node = values[0] if len(values) == 1 else None
        try:
            return ast.literal_eval(node) if isinstance(node, ast.expr) else None
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None

    def needed(self, names: Iterable[str]) -> tuple[Piece, ...]:
        """Everything that `names` stand on, themselves among it, in the script's order; imports of single names."""
        wanted, taken = set(names), set[int]()
        growing = True
        while growing:
            growing = False
            for number, piece in enumerate(self.pieces):
                if number in taken or piece.kind in ("guard", "import"):
                    continue
                if piece.names & wanted or piece.touches in wanted or (piece.kind == "setting" and wanted):
                    taken.add(number)
                    wanted |= piece.uses
                    growing = True
        return tuple(piece for number, piece in enumerate(self.pieces) if number in taken)

    def imports(self, names: Iterable[str]) -> tuple[Import, ...]:
        """Import statements cut down to those that bind one of `names`, have to be there, or bind who knows what."""
        wanted, found = set(names), list[Import]()
        for piece in self.pieces:
            node = piece.node
            if isinstance(node, ast.Import):
                kept = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in wanted]
                found += [ast.Import([alias]) for alias in kept]
            elif isinstance(node, ast.ImportFrom):
                always = node.module in ("__future__", "sklearn.experimental")
                kept = [a for a in node.names if always or a.name == "*" or (a.asname or a.name) in wanted]
                found += [ast.ImportFrom(node.module, kept, node.level)] if kept else []
        return tuple(found)


def read(text: str, name: str) -> Script:
    """Take a script apart.

    Raises
    ------
    AutoresearchError
        It is no Python; the message names the line.
    """
    try:
        tree = parsed(text)
        lines, previous, pieces = LINE.split(text), 0, []
        for node in tree.body:
            pieces.append(_piece(node, text, lines, previous))
            previous = node.end_lineno or node.lineno
    except SyntaxError as error:
        line = (error.text or "").strip()
        remedy = "remove the line, it is a notebook's" if line[:1] in ("%", "!") else "mend the line first"
        raise AutoresearchError(f"{name}:{error.lineno}: no Python: {error.msg}; {remedy}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise AutoresearchError(f"{name}: cannot be read as Python: {error}; give a script of functions") from None
    return Script(name, text, tree, tuple(pieces))


def _piece(node: ast.stmt, text: str, lines: list[str], previous: int) -> Piece:
    first, last = _first(node), node.end_lineno or node.lineno
    while first - 1 > previous and lines[first - 2].startswith("#") and not CELL.match(lines[first - 2]):
        first -= 1
    shares = _first(node) == previous or (
        isinstance(node, ast.stmt) and ";" in lines[last - 1][node.end_col_offset or 0 :]
    )
    own = ast.get_source_segment(text, node) if shares else None
    code = own or "\n".join(lines[first - 1 : last])
    table = symtable.symtable(code, "script", "exec")
    names = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    uses = {s.get_name() for s in table.get_symbols() if s.is_referenced()} | set(_globals(table))
    touches = _touches(node)
    return Piece(_kind(node, touches), node, code, frozenset(names), frozenset(uses), touches, first, last)


def _first(node: ast.stmt) -> int:
    """The line of a statement's first decorator, or its own."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    for child in table.get_children():
        yield from (symbol.get_name() for symbol in child.get_symbols() if symbol.is_global())
        yield from _globals(child)


def _kind(node: ast.stmt, touches: str) -> Kind:
    match node:
        case ast.Import() | ast.ImportFrom():
            return "import"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "function"
        case ast.ClassDef():
            return "class"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Try():
            return "constant"
        case ast.If():
            return "guard" if "__name__" in ast.dump(node.test) else "constant"
        case ast.Expr(value=ast.Call(func=called)) if touches and last_name(called) in SETTINGS:
            return "setting"
    return "other"


def _touches(node: ast.stmt) -> str:
    """The name at the root of what a statement calls a method of, or assigns a part of."""
    target: ast.expr | None = None
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as target)):
            pass
        case ast.Assign(targets=[(ast.Subscript() | ast.Attribute()) as target]):
            pass
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def last_name(node: ast.AST | None) -> str:
    """``name`` of ``name`` and ``owner.name``; empty for anything else."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def is_call_of(node: ast.AST, *names: str) -> bool:
    """Whether a node calls a function or method of one of `names`."""
    return isinstance(node, ast.Call) and last_name(node.func) in names


def renamed(code: str, old: str, new: str) -> str:
    """`code` with the name `old` written `new`, attributes and keyword arguments of that name left alone."""
    lines = code.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    found = []
    depth = 0
    for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], tokens[-1]], strict=False):
        depth += (before.string in "([{" and before.type == tokenize.OP) - (
            before.string in ")]}" and before.type == tokenize.OP
        )
        keyword = depth > 0 and after.string == "="
        if token.type == tokenize.NAME and token.string == old and before.string != "." and not keyword:
            found.append(token.start)
    if tokens[0].type == tokenize.NAME and tokens[0].string == old:
        found.insert(0, tokens[0].start)
    for row, column in reversed(found):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new + line[column + len(old) :]
    return "".join(lines)
