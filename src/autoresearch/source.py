"""The source of a train.py: what it says it tries, and whether it is new."""

import ast
import hashlib
from dataclasses import dataclass

from autoresearch.syntax import parsed, parsed_expression

__all__ = ["Fingerprints", "fingerprints", "hypothesis", "imported_packages", "memorised", "same_text"]

HYPOTHESIS_LIMIT = 500  # letters
SOURCE_LIMIT, TEXT_LIMIT, LITERAL_LIMIT = 60_000, 2_000, 300  # letters of a file, letters of a literal, literals
_NO_TREE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what parsing any text may raise
_NO_VALUE = (*_NO_TREE, TypeError)

SEED_ENDS = ("_seed", "random_state")
SEED_CALLS = frozenset({"seed", "default_rng", "RandomState", "Random", "manual_seed", "SeedSequence", "PCG64"})
MAIN_GUARD = ast.dump(parsed_expression('__name__ == "__main__"'))


@dataclass(frozen=True)
class Fingerprints:
    """Hashes of a source: of its code, and of its code with the values of seeds taken out."""

    code: str
    seedless: str


def fingerprints(source: str) -> Fingerprints:
    """Hash the code of `source`: comments, layout, docstrings and HYPOTHESIS do not count.

    A source that does not parse is hashed as text.
    """
    try:
        tree = _Normaliser().visit(parsed(source))
        code = ast.dump(tree)
        seedless = ast.dump(_Seedless().visit(tree))
    except _NO_TREE:
        code = seedless = source
    return Fingerprints(*(hashlib.sha256(text.encode()).hexdigest() for text in (code, seedless)))


def hypothesis(source: str) -> str:
    """The HYPOTHESIS of a source in one line; empty where there is none."""
    try:
        tree = parsed(source)
    except _NO_TREE:
        return ""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _assigns_hypothesis(node):
            try:
                return _one_line(str(ast.literal_eval(node.value))) if node.value else ""
            except _NO_VALUE:
                return ""
    return ""


def same_text(one: str, other: str) -> bool:
    """Whether two texts are the same but for the ends of their lines, which git may rewrite."""
    return one.replace("\r\n", "\n") == other.replace("\r\n", "\n")


def _one_line(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= HYPOTHESIS_LIMIT else f"{line[: HYPOTHESIS_LIMIT - 1]}…"


def memorised(source: str) -> str | None:
    """What in a source looks like a copy of the table, in words; None when nothing does.

    A model's text names columns and parameters, a few dozen literals. A table needs hundreds, or one long string.
    """
    if len(source) > SOURCE_LIMIT:
        return f"{len(source)} characters, where {SOURCE_LIMIT} are plenty for a model"
    try:
        tree = parsed(source)
    except _NO_TREE:
        return None
    literals = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    longest = max(map(_length, literals), default=0)
    if longest > TEXT_LIMIT:
        return f"a literal of {longest} characters, where {TEXT_LIMIT} are plenty"
    if len(literals) > LITERAL_LIMIT:
        return f"{len(literals)} literals, where {LITERAL_LIMIT} are plenty"
    return None


def _length(literal: object) -> int:
    """Characters of a text, or of a number written in hexadecimal: Python refuses to write a huge one in decimal."""
    return len(literal) if isinstance(literal, str | bytes) else len(f"{literal:x}") if isinstance(literal, int) else 0


def imported_packages(source: str) -> list[str]:
    """Absolute modules that `source` imports anywhere, in order; empty where it does not parse."""
    try:
        tree = parsed(source)
    except _NO_TREE:
        return []
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names[node.module] = None
    return list(names)


def _targets(node: ast.AST) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []


def _assigns_hypothesis(node: ast.AST) -> bool:
    return [getattr(target, "id", None) for target in _targets(node)] == ["HYPOTHESIS"]


def _is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and not node.orelse and ast.dump(node.test) == MAIN_GUARD


class _Normaliser(ast.NodeTransformer):
    """Drops what does not change what the code does: docstrings, HYPOTHESIS, the main guard."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [child for child in node.body if not _assigns_hypothesis(child) and not _is_main_guard(child)]
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def _without_docstring(self, node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        self.generic_visit(node)
        return node


class _Seedless(ast.NodeTransformer):
    """Takes seeds out: arguments whole, so that giving one is no change either, and other values that seed."""

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if _is_seed(node.arg) else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return self._assignment(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return self._assignment(node)

    def _assignment(self, node: ast.Assign | ast.AnnAssign) -> ast.AST:
        if node.value and any(_is_seed(_last_name(target)) for target in _targets(node)):
            node.value = _blank(node.value)
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        pairs = zip(node.keys, node.values, strict=True)
        node.values = [_blank(value) if _is_seed(getattr(key, "value", None)) else value for key, value in pairs]
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        names = [argument.arg for argument in (*node.posonlyargs, *node.args)][-len(node.defaults) :]
        pairs = zip(names, node.defaults, strict=False)
        node.defaults = [_blank(value) if _is_seed(name) else value for name, value in pairs]
        named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        node.kw_defaults = [_blank(value) if value and _is_seed(name.arg) else value for name, value in named]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _last_name(node.func) in SEED_CALLS and len(node.args) == 1:
            node.args = [_blank(node.args[0])]
        return self.generic_visit(node)


def _is_seed(name: object) -> bool:
    return isinstance(name, str) and (name.lower() in ("seed", "seeds") or name.lower().endswith(SEED_ENDS))


def _last_name(node: ast.AST) -> object:
    """What a value is given to: ``name``, ``owner.name`` or ``owner["name"]``."""
    if isinstance(node, ast.Subscript):
        return getattr(node.slice, "value", None)
    return getattr(node, "attr", getattr(node, "id", None))


def _blank(value: ast.expr) -> ast.expr:
    """Zero in place of a literal; code stays code."""
    try:
        ast.literal_eval(value)
    except _NO_VALUE:
        return value
    return ast.Constant(0)
