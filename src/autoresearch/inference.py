"""What a person left unsaid about a study, inferred from the table, each with its reason. Pure.

Nothing here is more than a proposal: it is printed, written into study.toml, and overridden by an option or an edit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from autoresearch.columns import narrowed
from autoresearch.errors import StudyError
from autoresearch.metrics import METRICS, Task

__all__ = ["Asked", "Inferred", "Label", "infer"]

Label = str | int | float | bool
TARGETS = ("target", "label", "class", "y")
"""Names that a target usually has, the likeliest first."""
MOST_CLASSES = 50  # that texts may stand for
MOST_CODES = 10  # that whole numbers may stand for; more of them are amounts
ROWS_PER_CODE = 15  # fewer rows of one number: amounts
YES = ("yes", "y", "true", "t", "positive", "pos", "1")
"""Labels that name what is looked for."""


@dataclass(frozen=True)
class Asked:
    """What a person said, None where nothing; a label as it is typed."""

    target: str | None = None
    task: Task | None = None
    metric: str | None = None
    positive: str | None = None


@dataclass(frozen=True)
class Inferred:
    """A study's core, with a reason for each part that nobody said."""

    target: str
    task: Task
    metric: str
    positive: Label | None
    reasons: tuple[str, ...]


def infer(table: pd.DataFrame, asked: Asked) -> Inferred:
    """Fill in what was left unsaid.

    Parameters
    ----------
    table
        Typed, with `asked.target` among its columns where one is named.

    Raises
    ------
    StudyError
        The target can be no task, or the positive class is no label.
    """
    reasons = []
    target = asked.target
    if target is None:
        target, why = _target(table)
        reasons.append(f"target {target!r}: {why}")
    labels = narrowed(table[target].dropna())
    if labels.empty:
        raise StudyError(f"--target: {target!r} is missing in every row; name another column")
    task = asked.task
    if task is None:
        task, why = _task(target, labels)
        reasons.append(f"task {task}: {why}")
    metric = asked.metric
    if metric is None:
        metric = next(found.name for found in METRICS.values() if task in found.tasks)
        reasons.append(f"metric {metric}: the usual one for a {task} task")
    positive = None
    if task == "binary":
        positive, why = _positive(target, labels, asked.positive)
        if why:
            reasons.append(f"positive class {positive!r}: {why}")
    elif asked.positive is not None:
        raise StudyError(f"--positive: a {task} task has no positive class; leave it out")
    return Inferred(target, task, metric, positive, tuple(reasons))


def _target(table: pd.DataFrame) -> tuple[str, str]:
    folded = {name.casefold(): name for name in reversed(table.columns)}
    for name in TARGETS:
        if name in folded:
            return folded[name], "the column of that name"
    return str(table.columns[-1]), "the last column"


def _task(target: str, labels: pd.Series) -> tuple[Task, str]:
    values = labels.nunique()
    if values == 2:
        return "binary", f"{target!r} has two values"
    if types.is_datetime64_any_dtype(labels.dtype):
        raise StudyError(f"--target: {target!r} holds dates; name a column of labels or numbers")
    if not types.is_numeric_dtype(labels.dtype):
        if values > min(MOST_CLASSES, len(labels) // 2):
            raise StudyError(
                f"--target: {target!r} holds {values} different texts in {len(labels)} rows; "
                "name a column of labels or numbers (--target), or say --task multiclass"
            )
        return "multiclass", f"{target!r} holds {values} different texts"
    rarest = int(labels.value_counts().min())
    whole = bool((labels.mod(1) == 0).all())
    if whole and values <= MOST_CODES and rarest >= ROWS_PER_CODE:
        return "multiclass", f"{target!r} has only {values} values, all whole numbers"
    what = f"{values} different numbers" if whole else "fractions"
    return "regression", f"{target!r} holds {what}"


def _positive(target: str, labels: pd.Series, asked: str | None) -> tuple[Label, str]:
    counts = labels.value_counts(sort=False).sort_index()
    found: list[Label] = [value.item() if isinstance(value, np.generic) else value for value in counts.index]
    if asked is not None:
        for label in found:
            if asked == str(label) or asked.casefold() == str(label).casefold():
                return label, ""
        raise StudyError(f"--positive: {asked!r} is no label of {target!r}; choose {_either(found)}")
    named = [label for label in found if str(label).strip().casefold() in YES]
    if len(named) == 1:
        return named[0], "its name says so"
    _, rarer = min(zip(reversed(counts.tolist()), reversed(found), strict=True), key=lambda pair: pair[0])
    return rarer, "the rarer of the two"


def _either(labels: list[Label]) -> str:
    return " or ".join(str(label) for label in labels)
