"""The functions of a script as steps of a train.py: how each is called there, or why it cannot be. Pure."""

import ast
from dataclasses import dataclass
from typing import NoReturn

from autoresearch import behaviour, script
from autoresearch.behaviour import DATA, LABELS
from autoresearch.duties import Duties
from autoresearch.errors import AutoresearchError
from autoresearch.script import Function, Script, last_name

__all__ = ["Step", "Steps", "shortened"]


@dataclass(frozen=True)
class Step:
    """A function as one step of a train.py.

    Parameters
    ----------
    takes
        What of the data it is given: ``X``, ``y``.
    arguments
        Its call, with ``X`` and ``y`` where the data goes: ``add_ratios(X, window=3)``.
    gives_fitted
        For a model: whether it comes back fitted.
    fitted_because
        For features: why they are a step of the pipeline and not of feature_fn; empty where they are not.
    whole
        For a model: whether it brings its own preprocessing, so that no other one goes before it.
    """

    function: str
    takes: tuple[str, ...]
    arguments: str
    gives_fitted: bool = False
    fitted_because: str = ""
    whole: bool = False


@dataclass
class Steps:
    """Makes the steps of one script.

    Parameters
    ----------
    target
        The column that is predicted, which features must not read; empty where that is not known.
    notes
        What a person should know of the steps.
    """

    duties: Duties
    target: str
    notes: list[str]

    @property
    def script(self) -> Script:
        """The script whose functions they are."""
        return self.duties.script

    def plain(self, name: str) -> Step:
        """A function as it is called in the script, with the data in place of what it is given."""
        function = self.script.functions[name]
        if function.args.vararg or function.args.posonlyargs:
            self._refuse(
                function, "takes *args or position-only arguments", "name each argument, and give it a default"
            )
        takes, parts = list[str](), list[str]()
        call = next(
            (
                c
                for caller in ("", *self.duties.calls)
                if caller != name
                for n, c in self._calls_in(caller)
                if n == name
            ),
            None,
        )
        given = self._given(function, call)
        needs = behaviour.required(function)
        for argument in (*function.args.args, *function.args.kwonlyargs):
            kind = "X" if DATA.fullmatch(argument.arg) else "y" if LABELS.fullmatch(argument.arg) else ""
            if kind and argument.arg in needs:
                if kind in takes:
                    self._refuse(
                        function,
                        f"takes more data than X and y ({argument.arg})",
                        "let it take the training rows alone",
                    )
                takes.append(kind)
                parts.append(
                    kind
                    if len(parts) == len(takes) - 1 and argument not in function.args.kwonlyargs
                    else f"{argument.arg}={kind}"
                )
            elif argument.arg in given and (said := given[argument.arg]) is not None:
                parts.append(f"{argument.arg}={said}")
            elif argument.arg in needs:
                self._refuse(function, f"argument {argument.arg!r} is no data and has no default", "give it a default")
            elif argument.arg in given:
                self.notes.append(
                    f"{name}: called with a value for {argument.arg!r} known at run time alone; its default is used"
                )
        return Step(name, tuple(takes), f"{name}({', '.join(parts)})")

    def _calls_in(self, caller: str) -> list[tuple[str, ast.Call]]:
        return self.duties.calls[caller] if caller else self.duties.run_by_driver

    def _given(self, function: Function, call: ast.Call | None) -> dict[str, str | None]:
        """What the script calls a function with: argument to its text, None where the value is known there alone."""
        if call is None or last_name(call.func) != function.name:
            return {}
        known = {n for p in self.script.pieces if p.kind in ("constant", "import", "class") for n in p.names}
        pairs = list(zip((a.arg for a in function.args.args), call.args, strict=False))
        pairs += [(keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg]
        return {
            name: self.script.segment(value)
            if {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} <= known
            and not behaviour.called(value, self.script)
            else None
            for name, value in pairs
        }

    def features(self, name: str) -> Step:
        """A function that makes features: in feature_fn where its form is row-wise, else a fitted step."""
        function = self.script.functions[name]
        if "pair" in behaviour.gives(function, self.script):
            value = next(v for v in behaviour.returned(function) if isinstance(v, ast.Tuple))
            self._refuse(
                function,
                "returns more than the features",
                "let it return the features alone, and take the target in main",
                value,
            )
        step = self.plain(name)
        if step.takes != ("X",):
            self._refuse(
                function,
                "features take the table alone",
                "move what learns from the target into the pipeline of the model",
            )
        parts = [function, *(self.script.functions[p] for p in self._within(name))]
        for part in parts:
            if where := behaviour.drops_rows(part):
                self._refuse(part, "leaves rows out", "move that to where the table is read", where)
            if where := self._reads_target(part):
                self._refuse(
                    part, f"reads the target {self.target!r}", "take the target away in main before it is called, "
                    "or write drop(..., errors='ignore')", where
                )  # fmt: skip
        beyond = next((w for part in parts if (w := behaviour.looks_at_other_rows(part))), None)
        if beyond is None:
            return step
        line = getattr(beyond, "lineno", function.lineno)
        because = f"{name} looks at other rows (line {line}: {shortened(self.script.segment(beyond))})"
        self.notes.append(f"{because}: it becomes a fitted step of the pipeline")
        return Step(name, step.takes, step.arguments, fitted_because=because)

    def _within(self, name: str) -> list[str]:
        """Functions of the script that one stands on."""
        return [
            n for piece in self.script.needed([name]) for n in piece.names if n in self.script.functions and n != name
        ]

    def _reads_target(self, function: Function) -> ast.AST | None:
        forgiven = {
            id(inner)
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and any(k.arg == "errors" for k in node.keywords)
            for inner in ast.walk(node)
        }
        for node in ast.walk(function):
            if id(node) in forgiven or not self.target:
                continue
            if isinstance(node, ast.Attribute) and node.attr == self.target and DATA.fullmatch(last_name(node.value)):
                return node
            if isinstance(node, ast.Constant | ast.Name) and self.script.literal(node) == self.target:
                return node
        return None

    def model(self, name: str) -> Step:
        """The function that makes the model."""
        function = self.script.functions[name]
        kinds = behaviour.gives(function, self.script)
        if "network" in kinds:
            self._refuse(function, "returns a network, which has no fit(X, y) and predict(X) of its own",
                         "return it wrapped (skorch, scikeras), or in a class that has both")  # fmt: skip
        if "booster" in kinds:
            self._refuse(
                function,
                "returns a native booster",
                "return the estimator: LGBMClassifier(**params), XGBClassifier(**params)",
            )
        if kinds & {"several", "pair"}:
            self._refuse(function, "returns more than one thing", "return the one estimator that is to be searched")
        step = self.plain(name)
        fitted = any(script.is_call_of(node, "fit") for node in behaviour.own(function))
        if "y" in step.takes and not fitted:
            self._refuse(function, "takes the target and fits nothing", "let it take no data, or fit what it returns")
        if fitted and step.takes != ("X", "y"):
            self._refuse(
                function,
                "fits a model on data that it is not given",
                "let it take X and y, or return the unfitted estimator",
            )
        parts = [function, *(self.script.functions[p] for p in self._within(name))]
        composed = any(
            script.is_call_of(n, "make_pipeline", "Pipeline", "make_column_transformer", "ColumnTransformer")
            for p in parts
            for n in ast.walk(p)
        )
        return Step(name, step.takes, step.arguments, fitted, whole=composed or bool(step.takes))

    def check(self, name: str) -> None:
        """Refuse what a function stands on and a train.py cannot have."""
        for piece in self.script.needed([name]):
            if piece.kind in ("constant", "other") and (where := behaviour.reads_table(piece.node, self.script)):
                self._refuse(
                    self.script.functions[name], f"uses {', '.join(sorted(piece.names))}, which is read from a file",
                    "pass it as an argument", where
                )  # fmt: skip
        for node in ast.walk(self.script.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                self._refuse(self.script.functions[name], "the script imports from files beside it",
                             "put what it needs of them into the script", node)  # fmt: skip

    def _refuse(self, function: Function, reason: str, edit: str, where: ast.AST | None = None) -> NoReturn:
        line = getattr(where, "lineno", function.lineno)
        said = f" ({shortened(self.script.segment(where))})" if where is not None else ""
        raise AutoresearchError(f"{self.script.name}:{line}: {function.name}: {reason}{said}; {edit}")


def shortened(text: str) -> str:
    """Text in one short line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
