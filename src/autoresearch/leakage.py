"""Columns that give the target away: copies of it, functions of it, and what predicts it almost alone.

Every column is reduced to the order of its values, so that a number, a date, an identifier and a category are judged
alike, and neither outliers nor units matter. Pure: values in, leaks out, and no order of rows or columns changes them.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

__all__ = ["How", "Leak", "Skill", "codes", "leaks", "skill"]

FOLDS = 5
LEAVES = 64  # of the tree that reads one column
BINS = 64  # of the glance that chooses columns for a tree
PROMISING = 0.5  # share explained at a glance, which is optimistic, from which a tree is worth its time
LOOKS = 50  # columns that a tree is grown for, the most promising ones
ALONE = 0.9  # skill, by its lower limit, that no honest column of the tables we know reaches
DOMINANT = 0.8  # the same for a column that leaves a third of what the next best one leaves
TIMES_BETTER = 3
ERRORS = 2  # standard errors below the estimate
FEWEST = 5  # rows of a class, or of a value, below which nothing is concluded from it
IDENTIFIERS = 0.5  # share of distinct texts from which numbers in them are read as numbers
DIGITS = 20


class How(StrEnum):
    """How a column gives the target away, gravest first."""

    COPY = "copy"
    ALONE = "alone"
    FUNCTION = "function"


@dataclass(frozen=True)
class Skill:
    """Share of the target that a column explains out of fold, 0 for chance and 1 for all, and its standard error."""

    value: float
    error: float

    @property
    def least(self) -> float:
        """Lower limit that takes the noise into account."""
        return self.value - ERRORS * self.error


@dataclass(frozen=True)
class Leak:
    """A column, how it gives the target away, and what it explains."""

    column: str
    how: How
    skill: Skill


def codes(column: pd.Series) -> np.ndarray:
    """Values as ranks without gaps, missing ones as -1; digits in identifiers count as numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object:
        column = column.astype("str").where(column.notna())
    if isinstance(column.dtype, pd.StringDtype) and column.nunique() > IDENTIFIERS * len(column):
        column = column.str.replace(r"\d+", lambda digits: digits.group().zfill(DIGITS), regex=True)
    return np.asarray(pd.factorize(column, sort=True)[0], dtype=np.int64)


def skill(values: np.ndarray, y: np.ndarray, *, regression: bool) -> Skill:
    """Cross-validated skill of a shallow tree on one column.

    Parameters
    ----------
    values
        Codes of the column, -1 where it is missing.
    y
        Codes of the target: classes, or ranks for a regression.

    Returns
    -------
    Skill
        R² of the target's ranks for a regression, else balanced accuracy rescaled so that chance is 0.
    """
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if not regression:  # a class too rare to be in every fold says nothing
        counts = np.bincount(y)
        enough = counts[y] >= FOLDS
        values, y = values[enough], np.unique(y[enough], return_inverse=True)[1]
    if len(y) < 2 * FOLDS or len(np.unique(y)) < 2:
        return Skill(0.0, 0.0)
    x = np.where(values < 0, np.nan, values).reshape(-1, 1)
    settings = {"min_samples_leaf": max(2, len(y) // 500), "random_state": 0}
    if regression:
        ranks = pd.Series(y).rank().to_numpy()
        tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, **settings)
        found = cross_val_predict(tree, x, ranks, cv=KFold(FOLDS, shuffle=True, random_state=0))
        lost = (ranks - found) ** 2 / ranks.var()
        return Skill(1 - float(lost.mean()), float(lost.std() / np.sqrt(len(y))))
    classes = int(y.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=max(LEAVES, 2 * classes), class_weight="balanced", **settings)
    right = y == cross_val_predict(tree, x, y, cv=StratifiedKFold(FOLDS, shuffle=True, random_state=0))
    counts = np.bincount(y)
    recall = np.bincount(y, weights=right) / counts
    # add-one: a class that was never missed is not known to be never missed
    expected = (recall * counts + 1) / (counts + 2)
    error = float(np.sqrt((expected * (1 - expected) / counts).sum())) / classes
    chance = 1 / classes
    return Skill((float(recall.mean()) - chance) / (1 - chance), error / (1 - chance))


def leaks(table: pd.DataFrame, target: pd.Series, *, regression: bool) -> list[Leak]:
    """Columns of `table` that give `target` away, gravest first.

    Parameters
    ----------
    table, target
        Features and labels of the same rows, in an order that has nothing to do with either.
    """
    y = codes(target)
    coded = {str(name): codes(table[name]) for name in table.columns}
    glances = {name: _glance(values, y, regression=regression) for name, values in coded.items()}
    promising = sorted((name for name in coded if glances[name] > PROMISING), key=lambda name: (-glances[name], name))
    skills = {name: Skill(glance, 0.0) for name, glance in glances.items() if glance <= PROMISING}
    skills |= {name: skill(coded[name], y, regression=regression) for name in promising[:LOOKS]}
    best, second = [*sorted((found.value for found in skills.values()), reverse=True), 0.0, 0.0][:2]
    leaks = []
    for name, found in skills.items():
        others = second if found.value == best else best
        how = _how(coded[name], y, found, others, regression=regression)
        if how is not None:
            leaks.append(Leak(name, how, found))
    gravity = list(How)
    return sorted(leaks, key=lambda leak: (gravity.index(leak.how), -leak.skill.value, leak.column))


def _glance(values: np.ndarray, y: np.ndarray, *, regression: bool) -> float:
    """What a column explains of the rows it is looked at with: more than it will explain of others."""
    bins = min(BINS, max(2, len(y) // 10))
    low = int(values.min())
    binned = (values - low) * bins // (int(values.max()) - low + 1)
    if regression:
        ranks = pd.Series(y).rank().to_numpy()
        counts = np.maximum(np.bincount(binned, minlength=bins), 1)
        means = np.bincount(binned, weights=ranks, minlength=bins) / counts
        return 1 - float(((ranks - means[binned]) ** 2).sum() / ((ranks - ranks.mean()) ** 2).sum())
    classes = int(y.max()) + 1
    shares = np.bincount(binned * classes + y, minlength=bins * classes).reshape(bins, classes) / np.bincount(y)
    return (float(shares.max(axis=1).sum()) / classes - 1 / classes) / (1 - 1 / classes)


def _how(values: np.ndarray, y: np.ndarray, found: Skill, others: float, *, regression: bool) -> How | None:
    if _copies(values, y, regression=regression):
        return How.COPY
    dominant = found.least > DOMINANT and TIMES_BETTER * (1 - found.value) < 1 - others
    if found.least > ALONE or dominant:
        return How.ALONE
    if any(_is_function(each, y, regression=regression) for each in (values, (values < 0).astype(np.int64))):
        return How.FUNCTION
    return None


def _copies(values: np.ndarray, y: np.ndarray, *, regression: bool) -> bool:
    """Whether each value stands for one label and each label for one value."""
    values = values - values.min()  # missing is a value, the lowest
    kinds, labels = int(values.max()) + 1, int(y.max()) + 1
    if kinds != labels or len(_pairs(values, y)) != kinds:
        return False
    if not regression or labels * FEWEST <= len(y):
        return True
    # where hardly a value is repeated, any two columns fit one to one: only the same order is a copy
    return bool((values == y).all() or (values.max() - values == y).all())


def _is_function(values: np.ndarray, y: np.ndarray, *, regression: bool) -> bool:
    """Whether the label, for a regression its size, decides the value."""
    counts = np.bincount(values - values.min())
    kinds = int((counts > 0).sum())
    if kinds < 2 or counts[counts > 0].min() < FEWEST:
        return False
    values = values - values.min()
    pairs = _pairs(y, values)
    if len(pairs) != y.max() + 1:
        return False
    if not regression:
        return bool(np.bincount(y).min() >= FEWEST)
    # along the target, each value is one unbroken stretch
    return int((np.diff(pairs[:, 1]) != 0).sum()) == kinds - 1


def _pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distinct pairs of codes, ordered by the first."""
    width = int(second.max()) + 1
    return np.column_stack(divmod(np.unique(first * width + second), width))
