"""A script of functions, split into slots: what each function is for, and how it is called in a train.py. Pure.

A function's role is read from what it does; its name decides where that leaves a doubt. docs/decompose.md.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from autoresearch import behaviour, script
from autoresearch.behaviour import DATA, LABELS
from autoresearch.errors import AutoresearchError
from autoresearch.origins import beyond_reading
from autoresearch.script import Function, Script, last_name

__all__ = ["Decomposed", "Role", "Step", "decompose"]

Role = Literal[
    "load_data", "engineer_features", "build_preprocessing", "build_model", "evaluate", "split", "main", "helper", "own"
]
"""``own`` is a slot of its own, kept as it is."""
WORDS: Mapping[Role, str] = {
    "engineer_features": "engineer|features?|preprocess|transform|clean|encode|add|derive|extract",
    "build_model": "model|estimator|classifier|regressor|pipeline|train|fit|clf|learner",
    "evaluate": "evaluate|evaluation|eval|score|validate|metrics|report",
    "load_data": "load|read|fetch|data",
    "main": "main|run|cli|experiment",
}
STAGES: tuple[Role, ...] = ("load_data", "engineer_features", "build_preprocessing", "build_model")


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


@dataclass(frozen=True)
class Decomposed:
    """A script and the parts of it that a train.py is made of.

    Parameters
    ----------
    roles
        Function to what it is for, in the script's order.
    features
        What transforms the table, in the order of execution; may be empty.
    notes
        What a person should know, a line each.
    """

    script: Script
    roles: Mapping[str, Role]
    features: tuple[Step, ...]
    preprocessing: Step | None
    model: Step
    frameworks: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def fitted_because(self) -> str:
        """Why its features are a step of the pipeline; empty where feature_fn does."""
        return next((step.fitted_because for step in self.features if step.fitted_because), "")

    def __str__(self) -> str:
        said = [f"{name} is {_article(role)}" for name, role in self.roles.items()]
        return f"{self.script.name} ({', '.join(self.frameworks) or 'no framework'}): {'; '.join(said)}"


def _article(role: Role) -> str:
    return {"own": "a slot of its own, kept", "helper": "a helper"}.get(role, role)


def decompose(text: str, name: str, target: str = "") -> Decomposed:
    """Split a script into slots.

    Parameters
    ----------
    name
        What messages call the script.
    target
        The column that it predicts, which features must not read; empty where that is not known yet.

    Raises
    ------
    AutoresearchError
        It is no Python, has no functions, or one that cannot be mapped: the message names the function, the reason
        and the edit that would help.
    """
    read = script.read(text, name)
    return _Splitting(read, target).run()


class _Splitting:
    """The work of one call of `decompose`."""

    def __init__(self, read: Script, target: str):
        self.script, self.target, self.notes = read, target, list[str]()
        self.calls = {name: behaviour.called(node, read) for name, node in read.functions.items()}
        self.run_by_driver = [pair for node in read.driver for pair in behaviour.called(node, read)]

    def run(self) -> Decomposed:
        """Find the roles, then the steps."""
        if not self.script.functions:
            self._no_functions()
        roles = self._roles()
        order = self._order(roles)
        by_role = {role: [name for name in order if roles[name] == role] for role in set(roles.values())}
        models = by_role.get("build_model", [])
        if not models:
            self._no_model()
        for extra in models[1:]:
            roles[extra] = "own"
            self.notes.append(
                f"{extra}: builds a model too; {models[0]} is the one that is searched, it is called first"
            )
        makers = by_role.get("build_preprocessing", [])
        for extra in makers[1:]:
            roles[extra] = "own"
        model = self._model(models[0])
        preprocessing = None if model.whole or not makers else self._step(makers[0])
        features = tuple(self._feature(name) for name in by_role.get("engineer_features", []))
        for name in by_role.get("load_data", []):
            self._say_what_loading_does(name)
        for step in (*features, *([preprocessing] if preprocessing else []), model):
            self._check_what_it_needs(step.function)
        found = behaviour.frameworks(self.script)
        return Decomposed(self.script, roles, features, preprocessing, model, found, tuple(self.notes))

    # Roles

    def _roles(self) -> dict[str, Role]:
        roles = {name: self._role(function) for name, function in self.script.functions.items()}
        for name in roles:  # what another stage calls is a part of it
            callers = [caller for caller, calls in self.calls.items() if caller != name and name in dict(calls)]
            stages = [roles[caller] for caller in callers if roles[caller] in (*STAGES, "helper")]
            outside = name in dict(self.run_by_driver) or any(roles[c] in ("main", "evaluate") for c in callers)
            within = roles[name] in stages or (
                roles[name] in ("engineer_features", "build_preprocessing", "own") and stages
            )
            if within and not (outside and roles[name] not in stages and roles[name] != "own"):
                roles[name] = "helper"
            elif roles[name] == "own" and callers and not outside:
                roles[name] = "helper"
        return roles

    def _role(self, function: Function) -> Role:
        named = self._named(function.name)
        if isinstance(function, ast.AsyncFunctionDef) or any(
            isinstance(n, ast.Yield | ast.YieldFrom) for n in behaviour.own(function)
        ):
            if named in STAGES and (function.name in dict(self.run_by_driver) or named == "build_model"):
                self.notes.append(f"{function.name}: is async or a generator, which no slot is; it is kept as it is")
            return "own"
        kinds, needs = behaviour.gives(function, self.script), behaviour.required(function)
        reads = behaviour.reads_table(function, self.script)
        if not behaviour.returned(function):
            return (
                "main"
                if named == "main" or len(self.calls[function.name]) > 1
                else "evaluate"
                if named == "evaluate"
                else "own"
            )
        if kinds & {"estimator", "network", "booster", "several"} and not reads and named != "evaluate":
            return "build_model"
        if "transformer" in kinds and not reads and not self._data(needs):
            return "build_preprocessing"
        if reads:
            return "main" if named == "main" or behaviour.evaluates(function, self.script) else "load_data"
        if behaviour.evaluates(function, self.script):
            return "main" if named == "main" else "evaluate"
        if any(script.is_call_of(node, "train_test_split") for node in ast.walk(function)):
            return "split"
        positional = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][:1]
        if "pair" in kinds:
            return "engineer_features" if _builds_columns(function) and self._data(positional) else "split"
        if "frame" in kinds and (self._data(positional) or named == "engineer_features"):
            return "engineer_features"
        return (
            named
            if named in ("main", "evaluate") or (named == "build_model" and self._sounds_like_model(function))
            else "own"
        )

    def _named(self, name: str) -> Role:
        words = name.lower().strip("_").split("_")
        return next((role for role, known in WORDS.items() if any(re.fullmatch(known, word) for word in words)), "own")

    def _sounds_like_model(self, function: Function) -> bool:
        """Whether a function of which the syntax says little is named as a model's: build_model, get_classifier."""
        return (
            re.search(r"(build|make|create|get)_\w*(model|estimator|classifier|regressor|pipeline)$", function.name)
            is not None
        )

    def _data(self, names: list[str]) -> bool:
        return any(DATA.fullmatch(name) for name in names)

    def _order(self, roles: dict[str, Role]) -> list[str]:
        """Functions in the order of their first call: in what drives the script, then in evaluate, then as they stand."""
        found = list[str]()
        for name, _ in self.run_by_driver:
            found += [name, *(inner for inner, _ in self.calls[name] if roles[name] in ("main", "evaluate"))]
        for name, role in roles.items():
            found += [inner for inner, _ in self.calls[name] if role in ("main", "evaluate")]
        return list(dict.fromkeys([*found, *roles]))

    # Steps

    def _step(self, name: str) -> Step:
        function = self.script.functions[name]
        if function.args.vararg or function.args.posonlyargs:
            self._refuse(
                function, "takes *args or position-only arguments", "name each argument, and give it a default"
            )
        takes, parts = list[str](), list[str]()
        call = next(
            (c for caller in ("", *self.calls) if caller != name for n, c in self._calls_in(caller) if n == name), None
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
                    if len(parts) == len(takes) - 1 and not argument in function.args.kwonlyargs
                    else f"{argument.arg}={kind}"
                )
            elif argument.arg in given and (said := given[argument.arg]) is not None:
                parts.append(f"{argument.arg}={said}")
            elif argument.arg in needs:
                self._refuse(function, f"argument {argument.arg!r} is no data and has no default", "give it a default")
            elif argument.arg in given:
                self.notes.append(
                    f"{name}: called with a value for {argument.arg!r} that only the running script knows; its default is used"
                )
        return Step(name, tuple(takes), f"{name}({', '.join(parts)})")

    def _calls_in(self, caller: str) -> list[tuple[str, ast.Call]]:
        return self.calls[caller] if caller else self.run_by_driver

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

    def _feature(self, name: str) -> Step:
        function = self.script.functions[name]
        if "pair" in behaviour.gives(function, self.script):
            value = next(v for v in behaviour.returned(function) if isinstance(v, ast.Tuple))
            self._refuse(
                function,
                "returns more than the features",
                "let it return the features alone, and take the target in main",
                value,
            )
        step = self._step(name)
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
        because = f"{name} looks at other rows (line {line}: {_short(self.script.segment(beyond))})"
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

    def _model(self, name: str) -> Step:
        function = self.script.functions[name]
        kinds = behaviour.gives(function, self.script)
        if "network" in kinds:
            self._refuse(function, "returns a network, which has no fit(X, y) and predict(X) of its own",
                         "return it wrapped as a scikit-learn estimator (skorch, scikeras), or in a class with fit and predict")  # fmt: skip
        if "booster" in kinds:
            self._refuse(
                function,
                "returns a native booster",
                "return the estimator: LGBMClassifier(**params), XGBClassifier(**params)",
            )
        if kinds & {"several", "pair"}:
            self._refuse(function, "returns more than one thing", "return the one estimator that is to be searched")
        step = self._step(name)
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

    def _check_what_it_needs(self, name: str) -> None:
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

    def _say_what_loading_does(self, name: str) -> None:
        if where := beyond_reading(self.script.functions[name], self.script):
            self.notes.append(
                f"{name}: does more than read (line {getattr(where, 'lineno', 0)}: {_short(self.script.segment(where))}), and a search "
                "measures the file as it is; to have the result of it measured, write that to a CSV once and pass --data"
            )

    # Refusals

    def _refuse(self, function: Function, reason: str, edit: str, where: ast.AST | None = None) -> NoReturn:
        line = getattr(where, "lineno", function.lineno)
        said = f" ({_short(self.script.segment(where))})" if where is not None else ""
        raise AutoresearchError(f"{self.script.name}:{line}: {function.name}: {reason}{said}; {edit}")

    def _no_functions(self) -> NoReturn:
        raise AutoresearchError(f"{self.script.name}: has no functions to search over; {self._smallest_edit()}")

    def _no_model(self) -> NoReturn:
        raise AutoresearchError(f"{self.script.name}: no function returns an estimator; {self._smallest_edit()}")

    def _smallest_edit(self) -> str:
        """The lines that would become build_model."""
        probe = ast.parse("def probe(): return 0").body[0]
        assert isinstance(probe, ast.FunctionDef)
        calls = [node for node in ast.walk(self.script.tree) if isinstance(node, ast.Call)]
        for call in calls:
            value = ast.FunctionDef(name="probe", args=probe.args, body=[ast.Return(value=call)], decorator_list=[])
            if behaviour.gives(value, self.script) & {"estimator"} and not script.is_call_of(call, "fit"):
                lines = (
                    f"line {call.lineno}"
                    if call.lineno == call.end_lineno
                    else f"lines {call.lineno} to {call.end_lineno}"
                )
                text = ast.unparse(call)
                return f"the smallest edit: put {lines} into a function, `def build_model(): return {text}`, and call it there"
        return "the smallest edit: put what makes the model into a function, `def build_model(): return ...`, and call it there"


def _builds_columns(function: Function) -> bool:
    """Whether it assigns a column, or calls what makes columns."""
    stored = any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in ast.walk(function))
    return stored or any(
        script.is_call_of(n, "assign", "get_dummies", "apply", "fit_transform") for n in ast.walk(function)
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
