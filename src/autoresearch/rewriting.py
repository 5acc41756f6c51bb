"""A person's script with the best composition in it; what no slot replaces stays as it was written. Pure."""

import ast
import json
import re
from dataclasses import dataclass, field

from autoresearch.decompose import Decomposed
from autoresearch.errors import AutoresearchError
from autoresearch.library import SLOTS, Variant, merged
from autoresearch.recomposition import OWN, PLAIN, Recomposition
from autoresearch.script import LINE, Function, Import, Piece, Script, renamed
from autoresearch.steps import Step
from autoresearch.syntax import parsed_expression

__all__ = ["write_back"]


def write_back(composition: Recomposition, target: str, said: str) -> str:
    """The script with the functions of the chosen slots replaced and the imports that they need merged in.

    Features of the library become a step of the model, for a script's own functions may see the target, and they
    must not.

    Parameters
    ----------
    target
        The column that is predicted: where features are replaced, it is dropped in their place.
    said
        What was found, for the first line.

    Raises
    ------
    AutoresearchError
        The script gives another meaning to a name that the replacement imports.
    """
    return _Rewriting(composition, target).run(said)


@dataclass
class _Rewriting:
    """The work of one call of `write_back`."""

    composition: Recomposition
    target: str
    imports: list[Import] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    @property
    def parts(self) -> Decomposed:
        return self.composition.parts

    @property
    def script(self) -> Script:
        return self.parts.script

    def run(self, said: str) -> str:
        features, preprocessing, model = self._library()
        bodies: dict[str, str] = {}
        first = []
        if features:
            self._import("sklearn.preprocessing", "FunctionTransformer")
            first = [f"FunctionTransformer({features})"]
        if not self.composition.own[0]:
            why = (
                f"{features} makes the features now, within the model"
                if features
                else "the columns as they are did better"
            )
            for step in self.parts.features:
                columns = json.dumps([self.target], ensure_ascii=False)
                dropped = f'{self._taken(step)[0]}.drop(columns={columns}, errors="ignore")'
                bodies[step.function] = f"return {dropped}  # {why}"
        maker = self.parts.preprocessing
        if maker and (preprocessing or first):
            bodies[maker.function] = f"return {self._pipeline([*first, preprocessing or self._kept(maker)])}"
            first, preprocessing = [], ""
        if first or preprocessing or model:
            bodies[self.parts.model.function] = self._model(first, preprocessing, model)
        return self._edited(bodies, said)

    def _library(self) -> list[str]:
        """Calls of the library's code for each slot, features by name; empty where the own is kept."""
        calls = []
        for (slot, name), variant in zip(SLOTS.items(), self.composition.choice, strict=True):
            taken = variant.name not in ((OWN, PLAIN) if slot == "features" else (OWN,))
            calls.append(self._add(slot, name, variant) if taken else "")
        return calls

    def _add(self, slot: str, name: str, variant: Variant) -> str:
        new = self._free(f"best_{slot}")
        self.added.append(renamed(variant.code, name, new))
        self.imports += variant.imports
        return new if slot == "features" else f"{new}()"

    def _model(self, first: list[str], preprocessing: str, model: str) -> str:
        step = self.parts.model
        function = self.script.functions[step.function]
        data = [a.arg for a in (*function.args.args, *function.args.kwonlyargs) if a.arg in self._taken(step)]
        if model:
            built = self._pipeline([*first, *([preprocessing] if preprocessing else []), model])
            if step.gives_fitted:
                built = f"{built}.fit({', '.join(data)})"
            return f"return {built}"
        inner = f"{first[0].removeprefix('FunctionTransformer')[1:-1]}({data[0]})" if first and data else ""
        kept = self._kept(step, {data[0]: inner} if inner else {})
        return f"return {self._pipeline([*first, *([preprocessing] if preprocessing else []), kept])}"

    def _taken(self, step: Step) -> list[str]:
        """Names of the arguments that take the data."""
        call = parsed_expression(step.arguments)
        assert isinstance(call, ast.Call)
        names = [argument.arg for argument in self.script.functions[step.function].args.args]
        placed = [n for n, value in zip(names, call.args, strict=False) if getattr(value, "id", "") in step.takes]
        return placed + [str(k.arg) for k in call.keywords if getattr(k.value, "id", "") in step.takes]

    def _kept(self, step: Step, values: dict[str, str] | None = None) -> str:
        """The call of a function's own code, which goes on under another name with the arguments that it is given."""
        function, values = self.script.functions[step.function], values or {}
        new = self._free(f"own_{step.function}")
        self.added.append(renamed(self._piece(step.function).text, step.function, new))
        names = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
        given = [f"{name}={values.get(name, name)}" for name in names]
        given += [f"**{function.args.kwarg.arg}"] if function.args.kwarg else []
        return f"{new}({', '.join(given)})"

    def _piece(self, name: str) -> Piece:
        return next(p for p in reversed(self.script.pieces) if p.kind == "function" and name in p.names)

    def _pipeline(self, steps: list[str]) -> str:
        if len(steps) == 1:
            return steps[0]
        self._import("sklearn.pipeline", "make_pipeline")
        return f"make_pipeline({', '.join(steps)})"

    def _import(self, module: str, name: str) -> None:
        self.imports.append(ast.ImportFrom(module, [ast.alias(name)], 0))

    def _free(self, name: str) -> str:
        taken = set(re.findall(r"\w+", self.script.text))
        return next(n for n in (name, *(f"{name}{i}" for i in range(2, 1000))) if n not in taken)

    # Text

    def _edited(self, bodies: dict[str, str], said: str) -> str:
        lines = LINE.split(self.script.text)
        end = next(iter(LINE.findall(self.script.text)), "\n")
        pieces = {name: self._piece(name) for name in bodies}
        for name, piece in sorted(pieces.items(), key=lambda pair: -pair[1].first):
            lines[_head_end(self.script.functions[name], lines) : piece.last] = [
                f"    {line}" for line in bodies[name].split("\n")
            ]
            _close_head(self.script.functions[name], lines)
        if self.added:
            at = min(piece.first for piece in pieces.values()) - 1
            lines[at:at] = LINE.split("\n\n\n".join(self.added) + "\n\n")
        if missing := merged(self._joining(self._missing(), lines)):
            before = [
                p
                for p in self.script.pieces
                if p.kind == "import" and all(p.last < piece.first for piece in pieces.values())
            ]
            at = before[-1].last if before else min(piece.first for piece in pieces.values()) - 1
            lines[at:at] = LINE.split(missing) if before else [*LINE.split(missing), "", ""]
        top = next((i for i, line in enumerate(lines) if not re.match(r"#!|#.*coding[:=]", line)), 0)
        lines.insert(top, f"# {' '.join(f'{self.script.name} as autoresearch search leaves it: {said}'.split())}")
        return end.join(lines)

    def _joining(self, missing: list[Import], lines: list[str]) -> list[Import]:
        """Write what is missing into the script's own imports where these are plain; the rest is returned."""
        left = list[Import]()
        at = {p.node.module: p for p in self.script.pieces if isinstance(p.node, ast.ImportFrom) and _is_plain(p)}
        joined = dict[str, list[Import]]()
        for node in missing:
            found = isinstance(node, ast.ImportFrom) and node.module in at
            (joined.setdefault(str(getattr(node, "module", "")), []) if found else left).append(node)
        for module, nodes in joined.items():
            piece = at[module]
            assert isinstance(piece.node, ast.ImportFrom)
            text = merged([piece.node, *nodes])
            if "\n" in text:
                left += nodes
            else:
                lines[piece.last - 1] = text
        return left

    def _missing(self) -> list[Import]:
        """The imports that the script does not have."""
        wanted: list[Import] = []
        bound = {name for piece in self.script.pieces for name in piece.names if piece.kind != "import"}
        for node in self.imports:
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                full = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                known = self.script.modules.get(name)
                if name in bound or known not in (None, full):
                    raise AutoresearchError(
                        f"{self.script.name}: {name!r} is {known or 'its own'} there, what was found needs {full}; "
                        "give it another name in the script"
                    )
                if not self._imported_at_top(name):
                    wanted.append(
                        ast.ImportFrom(node.module, [alias], 0)
                        if isinstance(node, ast.ImportFrom)
                        else ast.Import([alias])
                    )
        return wanted

    def _imported_at_top(self, name: str) -> bool:
        return any(piece.kind == "import" and name in piece.names for piece in self.script.pieces)


def _is_plain(piece: Piece) -> bool:
    """Whether an import is one line of its own, without a comment, and of names."""
    names = isinstance(piece.node, ast.ImportFrom) and piece.node.names[0].name != "*"
    return names and piece.text.split("\n")[-1] == ast.unparse(piece.node)


def _head_end(function: Function, lines: list[str]) -> int:
    """Lines before a function's body; where the body begins on the head's own line, the head alone is left there."""
    first = function.body[0]
    line = lines[first.lineno - 1].encode()
    head = line[: first.col_offset].decode()
    if not head.strip():
        return first.lineno - 1
    lines[first.lineno - 1] = head.rstrip()
    return first.lineno


def _close_head(function: Function, lines: list[str]) -> None:
    """Take away comments and empty lines between a function's head and its new body, which spoke of the old one."""
    first = function.body[0].lineno - 1
    while first > function.lineno and (not lines[first - 1].strip() or lines[first - 1].lstrip().startswith("#")):
        del lines[first - 1]
        first -= 1
