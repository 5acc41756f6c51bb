"""Where a script reads its table, and which column it predicts. Pure."""

import ast
import re
from dataclasses import dataclass

from autoresearch.behaviour import DATA, LABELS, dotted, reads_table, returned
from autoresearch.script import Function, Script, is_call_of, last_name

__all__ = ["Origin", "beyond_reading", "origin"]

CONSTANT = re.compile(r"(target|label|outcome|y)(_?(col(umn)?|name|feature|var))*", re.IGNORECASE)
HARMLESS = frozenset({"sep", "delimiter", "encoding", "low_memory", "engine", "as_frame", "return_X_y", "dtype"})
"""Arguments of a reader that change no value."""


@dataclass(frozen=True)
class Origin:
    """What a script reads and predicts.

    Parameters
    ----------
    data
        A path, or the name of a data set; empty where the script does not say it.
    bundled
        Whether it comes with a library: ``load_iris()``.
    line
        Where it is read; 0 where nowhere.
    targets
        Columns that it may predict, the likeliest first; one where the script leaves no doubt.
    """

    data: str
    bundled: bool
    line: int
    targets: tuple[str, ...]


def origin(script: Script) -> Origin:
    """Find what a script reads first, and the column that it takes apart as y."""
    call = reads_table(script.tree, script)
    if call is None:
        return Origin("", False, 0, _targets(script))
    name = last_name(call.func)
    if "datasets" in dotted(call.func, script):
        return Origin(name.split("_", 1)[1], True, call.lineno, _targets(script) or ("target",))
    first = (
        call.args[0]
        if call.args
        else next((k.value for k in call.keywords if k.arg in ("filepath_or_buffer", "path", "io")), None)
    )
    return Origin(_path(first, script), False, call.lineno, _targets(script))


def _path(node: ast.AST | None, script: Script) -> str:
    """The path that an expression names: a literal, a constant, a join of such, or an argument's default."""
    match node:
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined(_path(left, script), _path(right, script))
        case ast.Call(args=parts) if is_call_of(node, "join", "joinpath", "Path"):
            start = node.func.value if is_call_of(node, "joinpath") and isinstance(node.func, ast.Attribute) else None
            found = [_path(part, script) for part in ([start, *parts] if start else parts)]
            return _joined(*found) if found else ""
        case ast.Attribute(attr="parent") if "__file__" in ast.dump(node):
            return "."  # beside the script, as the constant that holds it says
        case ast.Call() if is_call_of(node, "dirname") and "__file__" in ast.dump(node):
            return "."
        case ast.Name(id=name):
            value = script.literal(node)
            return value if isinstance(value, str) else _path(_bound(name, script), script)
    value = script.literal(node)
    return value if isinstance(value, str) else ""


def _joined(*parts: str) -> str:
    return "/".join(parts).removeprefix("./") if all(parts) else ""


def _bound(name: str, script: Script) -> ast.expr | None:
    """The one expression that a name stands for: assigned at the top, or the default of an argument."""
    values = [p.node.value for p in script.pieces if isinstance(p.node, ast.Assign) and name in p.names]
    for function in script.functions.values():
        positional = [*function.args.posonlyargs, *function.args.args]
        defaults = function.args.defaults
        pairs = zip(positional[len(positional) - len(defaults) :], defaults, strict=True)
        values += [default for argument, default in pairs if argument.arg == name]
    found = values[0] if len(values) == 1 else None
    return None if isinstance(found, ast.Name) and found.id == name else found


def _targets(script: Script) -> tuple[str, ...]:
    taken, dropped, named = list[str](), list[str](), list[str]()
    for node in ast.walk(script.tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if LABELS.fullmatch(name):
                taken += _column(value, script)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=False)
                taken += [c for n, v in pairs if LABELS.fullmatch(last_name(n)) for c in _column(v, script)]
            case ast.Return(value=ast.Tuple(elts=[_, second])):
                taken += _column(second, script)
            case ast.Call(func=ast.Attribute(attr="pop", value=owner), args=[one]) if DATA.fullmatch(last_name(owner)):
                taken += _names(one, script)
            case ast.Call(func=ast.Attribute(attr="drop")):
                given = [k.value for k in node.keywords if k.arg in ("columns", "labels")] or node.args[:1]
                columns = [name for value in given for name in _names(value, script)]
                dropped += columns if len(columns) == 1 else []
    for piece in script.pieces:
        if isinstance(piece.node, ast.Assign) and any(CONSTANT.fullmatch(name) for name in piece.names):
            named += _names(piece.node.value, script)
    for certain in (taken, named, dropped):
        if certain:
            both = [name for name in certain if name in dropped]  # y = df["a"] and drop(columns="a") are the target's
            return tuple(dict.fromkeys(both or certain))
    return ()


def _column(node: ast.expr, script: Script) -> list[str]:
    """The column at the root of an expression such as ``df["a"].map(CODES).values``."""
    while True:
        match node:
            case ast.Subscript(value=ast.Name(), slice=index):
                return _names(index, script) if not isinstance(index, ast.Tuple | ast.List) else []
            case ast.Call(func=ast.Attribute(attr="pop"), args=[one]):
                return _names(one, script)
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner not in script.modules:
                return [] if name in ("values", "columns", "index", "T") else [name]
            case ast.Call(func=ast.Attribute(value=inner)) | ast.Attribute(value=inner):
                node = inner
            case ast.Compare(left=left):
                node = left
            case ast.Call(args=[inner, *_]):
                node = inner
            case _:
                return []


def _names(node: ast.AST, script: Script) -> list[str]:
    value = script.literal(node)
    if value is None and isinstance(node, ast.List | ast.Tuple):
        value = [script.literal(element) for element in node.elts]
    values = value if isinstance(value, list | tuple) else [value]
    return [name for name in values if isinstance(name, str)]


def beyond_reading(function: Function, script: Script) -> ast.AST | None:
    """The first thing that a loader does beside reading its table and taking the target apart; None if nothing."""
    reader = reads_table(function, script)
    for keyword in reader.keywords if reader else []:
        if keyword.arg not in HARMLESS | {"filepath_or_buffer", "path", "io"}:
            return keyword.value
    for node in function.body:
        if isinstance(node, ast.Assign | ast.Return | ast.AnnAssign) and node.value:
            if not _plain(node.value, reader):
                return node
            continue
        calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
        in_place = any(keyword.arg == "inplace" for call in calls for keyword in call.keywords)
        if in_place or not isinstance(node, ast.Expr | ast.Assert | ast.Pass | ast.Import | ast.ImportFrom):
            return node
    return None if returned(function) else function


def _plain(node: ast.expr, reader: ast.Call | None) -> bool:
    """Whether an expression reads, names, or takes the target apart, and nothing else."""
    match node:
        case ast.Tuple(elts=parts):
            return all(_plain(part, reader) for part in parts)
        case ast.Call(func=ast.Attribute(attr="drop" | "pop", value=ast.Name()), args=args, keywords=keywords):
            given = [k.value for k in keywords if k.arg in ("columns", "labels")] or args[:1]
            return not any(isinstance(g, ast.List) and len(g.elts) > 1 for g in given)
        case ast.Call():
            return node is reader or is_call_of(node, "join", "Path", "joinpath")
        case ast.Attribute(value=ast.Name() | ast.Call() as inner):
            return isinstance(inner, ast.Name) or inner is reader
        case ast.Subscript(value=ast.Name()) | ast.Name() | ast.Constant() | ast.BinOp(op=ast.Div()):
            return True
    return False
