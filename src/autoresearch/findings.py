"""What a person should know of a table before the first trial: leaks, duplicates, roles that were not declared.

Pure: rows in, findings out, the gravest first, each in one line that says what to do. Only training rows are looked at;
of the sealed ones nothing is said but how many are seen elsewhere too. A new kind is a member of `Kind`, at the place
of its gravity, a case of `findings`, a test in tests/test_findings.py and a line in docs/profile.md.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from autoresearch import leakage, roles
from autoresearch.leakage import How, Leak
from autoresearch.metrics import Task

__all__ = ["LEAKAGE", "Finding", "Kind", "by_gravity", "exposed", "findings", "overlap", "row_keys"]

ROWS = 20_000  # looked at in a longer table
NAMED = 5  # columns named in a line
PREPARED = "data/"  # where training rows lie


class Kind(StrEnum):
    """What a finding is about, gravest first."""

    COPY = "copy of the target"
    LEAK = "leakage"
    FUNCTION = "function of the target"
    EXPOSED = "sealed rows in the tree"
    OVERLAP = "duplicates across the split"
    GROUP = "likely group"
    TIME = "likely time"
    MISSING_TARGET = "missing target"
    ROW_ORDER = "row order"
    DUPLICATES = "duplicates"
    INFINITE = "infinite"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"
    MOSTLY_MISSING = "mostly missing"
    TEXT = "many texts"


LEAKAGE = {Kind.COPY, Kind.LEAK, Kind.FUNCTION}
"""Kinds that say that a column gives the target away."""


@dataclass(frozen=True)
class Finding:
    """One thing to know, the columns it is about, and what to do."""

    kind: Kind
    columns: tuple[str, ...]
    text: str
    remedy: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.kind}: {self.text}; {self.remedy}"


def by_gravity(found: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of their kinds."""
    order = list(Kind)
    return sorted(found, key=lambda finding: order.index(finding.kind))


def findings(
    rows: pd.DataFrame,
    target: str,
    task: Task,
    *,
    positions: np.ndarray | None = None,
    group: str | None = None,
    time: str | None = None,
) -> list[Finding]:
    """Look at the training rows.

    Parameters
    ----------
    rows
        Training rows with their target. Of a long table a sample is looked at for most kinds, which depends on what the
        rows hold and on nothing else.
    positions
        Place of each row in the file; by default they came in this order.
    group, time
        Columns that were declared as such, which are then not looked for.
    """
    positions = np.arange(len(rows)) if positions is None else positions
    labelled = rows[target].notna().to_numpy()
    unlabelled = len(rows) - int(labelled.sum())
    found = []
    if unlabelled:
        found.append(
            Finding(
                Kind.MISSING_TARGET,
                (target,),
                f"{target!r} is missing in {unlabelled} of {len(rows)} rows",
                "give them a label, or leave them out with --drop-missing-target",
            )
        )
        rows, positions = rows[labelled], positions[labelled]
    if rows.empty:
        return found
    features, labels = rows.drop(columns=target), rows[target]
    regression = task == "regression"
    keys = row_keys(rows)
    sample = _sample(keys, labels, regression=regression)
    seen, seen_labels = features.iloc[sample], labels.iloc[sample]
    suffix = f" (seen in {len(sample)} of {len(rows)} rows)" if len(sample) < len(rows) else ""
    structure = {column for column in (group, time) if column is not None}
    leaks = leakage.leaks(seen.drop(columns=list(structure)), seen_labels, regression=regression)
    found += [_leak(leak, target, suffix, seen[leak.column]) for leak in leaks]
    found += _order(positions[sample], seen_labels, target, suffix, regression=regression)
    if time is None:
        found += [_time(column, in_order) for column, in_order in roles.times(seen, positions[sample]).items()]
    if group is None:
        found += [_group(column) for column in roles.groups(features, labels, regression=regression)]
    accused = {column for finding in found for column in finding.columns} | structure
    found += _duplicates(keys)
    found += _plain(features, seen, accused)
    return by_gravity(found)


def row_keys(rows: pd.DataFrame) -> np.ndarray:
    """A number for each row by what it holds, whatever the order of its columns."""
    columns = sorted(rows.columns, key=str)
    return pd.util.hash_pandas_object(rows[columns], index=False).to_numpy()


def _sample(keys: np.ndarray, labels: pd.Series, *, regression: bool) -> np.ndarray:
    """Positions of the rows looked at, in an order that is none of the file's; a rare class is not thinned out."""
    order = np.argsort(keys, kind="stable")
    if len(keys) <= ROWS or regression:
        return order[:ROWS]
    classes = pd.factorize(labels.iloc[order])[0]
    counts = np.bincount(classes)
    nth = pd.Series(classes).groupby(classes).cumcount().to_numpy()
    quota = np.maximum(ROWS * counts // len(keys), ROWS // (10 * len(counts)))
    return order[nth < quota[classes]]


def _drop(columns: Sequence[str]) -> str:
    return " ".join(f"--drop {shlex.quote(column)}" for column in columns[:NAMED])


def _named(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return ", ".join(repr(column) for column in columns[:NAMED]) + more


def _leak(leak: Leak, target: str, suffix: str, column: pd.Series) -> Finding:
    name = repr(leak.column)
    drop = f"{_drop([leak.column])}, unless it is known before {target!r} is"
    if leak.how is How.COPY:
        text = f"{name} is {target!r} in other values{suffix}"
        return Finding(Kind.COPY, (leak.column,), text, _drop([leak.column]))
    if leak.how is How.FUNCTION:
        return Finding(Kind.FUNCTION, (leak.column,), f"{target!r} decides {name}{suffix}", drop)
    share = f"{leak.skill.value:.0%} ± {leak.skill.error:.0%}"
    if roles.identifiers(column.to_frame()):
        text = f"{name} numbers the rows in an order that follows {target!r}: it alone explains {share} of it{suffix}"
        return Finding(Kind.LEAK, (leak.column,), text, _drop([leak.column]))
    return Finding(Kind.LEAK, (leak.column,), f"{name} alone explains {share} of {target!r}{suffix}", drop)


def _order(
    positions: np.ndarray, labels: pd.Series, target: str, suffix: str, *, regression: bool
) -> Iterator[Finding]:
    places = np.unique(positions, return_inverse=True)[1]
    skill = leakage.skill(places, leakage.codes(labels), regression=regression)
    if skill.least > leakage.DOMINANT:
        yield Finding(
            Kind.ROW_ORDER,
            (),
            f"the rows are sorted by {target!r}: the place in the file alone explains {skill.value:.0%} of it{suffix}",
            "rows are dealt at random, so this alone leaks nothing, but --drop COLUMN any that was numbered in this "
            "order; if it is the order of time, --time COLUMN",
        )


def _time(column: str, in_order: bool) -> Finding:
    ordered = ", and the file is in its order" if in_order else ""
    text = f"{column!r} seems to say when a row was taken{ordered}"
    return Finding(
        Kind.TIME, (column,), text, f"if later rows are to be predicted from earlier ones, --time {shlex.quote(column)}"
    )


def _group(column: str) -> Finding:
    text = f"{column!r} seems to name what several rows belong to"
    return Finding(Kind.GROUP, (column,), text, f"if the model will meet new ones, --group {shlex.quote(column)}")


def _duplicates(keys: np.ndarray) -> Iterator[Finding]:
    repeated = len(keys) - len(np.unique(keys))
    if repeated:
        yield Finding(
            Kind.DUPLICATES,
            (),
            f"{repeated} of {len(keys)} training rows repeat an earlier one in every column",
            "if a case was recorded twice, remove the copies from the table, or --group the column that names the case",
        )


def _plain(features: pd.DataFrame, seen: pd.DataFrame, accused: set[str]) -> Iterator[Finding]:
    """What is wrong with a column by itself; one that is accused of more is left out."""
    names = [str(name) for name in features.columns if str(name) not in accused]
    seen = seen[names]
    infinite = roles.infinite(features[names])
    constant = roles.constants(features[roles.constants(seen)])
    missing = [name for name in roles.mostly_missing(features[names]) if name not in constant]
    unique = roles.identifiers(features[roles.identifiers(seen)])
    texts = roles.texts(seen)
    said = (
        (Kind.INFINITE, infinite, "infinite in some rows", "leave those cells empty in the table, or {drop}"),
        (Kind.IDENTIFIER, unique, "different in every row, as a number or a name of it", "{drop}"),
        (Kind.CONSTANT, constant, "the same in every row", "{drop}"),
        (Kind.MOSTLY_MISSING, missing, f"missing in {roles.MISSING:.0%} of the rows or more", "{drop}, or use the gap"),
        (Kind.TEXT, texts, "text of many values", "{drop}, or encode it in train.py as text, not one column a value"),
    )
    for kind, columns, fact, remedy in said:
        if columns:
            verb = "is" if len(columns) == 1 else "are"
            yield Finding(kind, tuple(columns), f"{_named(columns)} {verb} {fact}", remedy.format(drop=_drop(columns)))


def overlap(training: pd.DataFrame, holdout: pd.DataFrame, target: str) -> list[Finding]:
    """Count the sealed rows that are training rows too, in every feature."""
    features = np.isin(row_keys(holdout.drop(columns=target)), row_keys(training.drop(columns=target)))
    if not features.any():
        return []
    whole = np.isin(row_keys(holdout), row_keys(training))
    return [
        Finding(
            Kind.OVERLAP,
            (),
            f"{int(features.sum())} of {len(holdout)} sealed rows have the features of a training row, "
            f"{int(whole.sum())} of them its {target!r} too",
            "if a case was recorded twice, remove the copies from the table, or --group the column that names the case",
        )
    ]


def exposed(path: str, rows: int, holdout_rows: int) -> Finding:
    """A file in the working tree holds sealed rows with their labels."""
    remedy = "move it out of this folder, the engine keeps a sealed copy; to prepare again, name its path in study.data"
    if path.startswith(PREPARED):
        remedy = "it is what another preparation left: delete it, or move it out of this folder"
    return Finding(
        Kind.EXPOSED,
        (),
        f"{path} holds at least {rows} of the {holdout_rows} sealed rows, for whoever edits train.py to read",
        remedy,
    )
