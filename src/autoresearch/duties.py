"""What each function of a script is for, read from what it does; its name decides where that leaves a doubt. Pure."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from autoresearch import behaviour, script
from autoresearch.behaviour import DATA
from autoresearch.script import Function, Script, last_name

__all__ = ["Duties", "Role"]

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


@dataclass
class Duties:
    """The functions of a script, who calls them, and what they are for.

    Parameters
    ----------
    notes
        What a person should know of the roles.
    """

    script: Script
    notes: list[str] = field(default_factory=list)

    @cached_property
    def calls(self) -> dict[str, list[tuple[str, ast.Call]]]:
        """Function to the functions that it calls, with their calls, in order of execution."""
        return {name: behaviour.called(node, self.script) for name, node in self.script.functions.items()}

    @cached_property
    def run_by_driver(self) -> list[tuple[str, ast.Call]]:
        """What is called when the script is run."""
        return [pair for node in self.script.driver for pair in behaviour.called(node, self.script)]

    def roles(self) -> dict[str, Role]:
        """Function to its role, in the script's order."""
        roles = {name: self._role(function) for name, function in self.script.functions.items()}
        decorators = {
            last_name(inner)
            for function in self.script.functions.values()
            for decorator in function.decorator_list
            for inner in ast.walk(decorator)
        }
        for name, role in list(roles.items()):  # what another stage calls is a part of it
            callers = [caller for caller, calls in self.calls.items() if caller != name and name in dict(calls)]
            stages = [roles[caller] for caller in callers if roles[caller] in (*STAGES, "helper")]
            outside = name in dict(self.run_by_driver) or any(roles[c] in ("main", "evaluate") for c in callers)
            inner = role in ("engineer_features", "build_preprocessing") and stages and not outside
            unseen = role == "own" and (stages or (callers and not outside) or name in decorators)
            if role in stages or inner or unseen:
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

    def order(self, roles: dict[str, Role]) -> list[str]:
        """Functions in the order of their first call: by what drives the script, by evaluate, then as they stand."""
        found = list[str]()
        for name, _ in self.run_by_driver:
            found += [name, *(inner for inner, _ in self.calls[name] if roles[name] in ("main", "evaluate"))]
        for name, role in roles.items():
            found += [inner for inner, _ in self.calls[name] if role in ("main", "evaluate")]
        return list(dict.fromkeys([*found, *roles]))


def _builds_columns(function: Function) -> bool:
    """Whether it assigns a column, or calls what makes columns."""
    stored = any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in ast.walk(function))
    return stored or any(
        script.is_call_of(n, "assign", "get_dummies", "apply", "fit_transform") for n in ast.walk(function)
    )
