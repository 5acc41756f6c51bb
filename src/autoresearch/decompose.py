"""A script of functions, split into slots: what each function is for, and how it is called in a train.py. Pure.

docs/decompose.md says what is understood and what is refused.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from autoresearch import behaviour, script
from autoresearch.duties import Duties, Role
from autoresearch.errors import AutoresearchError
from autoresearch.origins import beyond_reading
from autoresearch.script import Script
from autoresearch.steps import Step, Steps, shortened
from autoresearch.syntax import parsed

__all__ = ["Decomposed", "decompose"]


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
    if not read.functions:
        _refuse(read, "has no functions to search over")
    duties = Duties(read)
    roles, notes = duties.roles(), duties.notes
    by_role = {role: [n for n in duties.order(roles) if roles[n] == role] for role in set(roles.values())}
    models, makers = by_role.get("build_model", []), by_role.get("build_preprocessing", [])
    if not models:
        _refuse(read, "no function returns an estimator")
    for found in (models, makers):
        for extra in found[1:]:
            roles[extra] = "own"
            notes.append(
                f"{extra}: does the same as {found[0]}, which is called first and searched; it is kept as it is"
            )
    steps = Steps(duties, target, notes)
    model = steps.model(models[0])
    preprocessing = None if model.whole or not makers else steps.plain(makers[0])
    features = tuple(steps.features(n) for n in by_role.get("engineer_features", []))
    for step in (*features, *([preprocessing] if preprocessing else []), model):
        steps.check(step.function)
    for loader in by_role.get("load_data", []):
        if where := beyond_reading(read.functions[loader], read):
            line, what = getattr(where, "lineno", 0), shortened(read.segment(where))
            notes.append(
                f"{loader}: does more than read (line {line}: {what}), and a search measures the file as it is; "
                "to have the result of it measured, write that to a CSV once and pass --data"
            )
    return Decomposed(read, roles, features, preprocessing, model, behaviour.frameworks(read), tuple(notes))


def _refuse(read: Script, why: str) -> NoReturn:
    raise AutoresearchError(f"{read.name}: {why}; the smallest edit: {_smallest_edit(read)}, and call it there")


def _smallest_edit(read: Script) -> str:
    """The lines that would become build_model."""
    probe = parsed("def probe(): return 0").body[0]
    assert isinstance(probe, ast.FunctionDef)
    for call in (node for node in ast.walk(read.tree) if isinstance(node, ast.Call)):
        value = ast.FunctionDef(name="probe", args=probe.args, body=[ast.Return(value=call)], decorator_list=[])
        if behaviour.gives(value, read) & {"estimator"} and not script.is_call_of(call, "fit"):
            one = call.lineno == call.end_lineno
            lines = f"line {call.lineno}" if one else f"lines {call.lineno} to {call.end_lineno}"
            return f"put {lines} into a function, `def build_model(): return {ast.unparse(call)}`"
    return "put what makes the model into a function, `def build_model(): return ...`"
