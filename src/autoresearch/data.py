"""The table: checked, split once into training rows and a sealed holdout, and read back in either part.

Nothing is fitted here: no medians, no encodings. What is computed on the whole table are its column
types and its list of classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from autoresearch import content
from autoresearch import prepared as manifest
from autoresearch.errors import DataError, StudyError
from autoresearch.exposure import exposures
from autoresearch.files import digest, writing
from autoresearch.findings import by_gravity, exposed, findings, overlap
from autoresearch.forecast import provable_gain
from autoresearch.lags import lagged
from autoresearch.prepared import Prepared, training_file
from autoresearch.sources import Loaded, read
from autoresearch.splits import ROWS_PER_CLASS, Split, cut, plan, splits, verify
from autoresearch.structure import Structure, structure
from autoresearch.study import Study
from autoresearch.variety import is_messy
from autoresearch.vault import seal

__all__ = ["Table", "holdout", "prepare", "training"]


LOOKED_AT = 50_000  # rows of either part, for findings


@dataclass(frozen=True)
class Table:
    """Features and labels of the same rows: X (n, columns), y (n,) class codes or values."""

    X: pd.DataFrame
    y: np.ndarray
    structure: Structure = field(default_factory=Structure)

    def followed_by(self, other: "Table") -> "Table":
        """These rows and then those of another part of the same table."""
        return Table(
            pd.concat([self.X, other.X], ignore_index=True),
            np.concatenate([self.y, other.y]),
            self.structure.followed_by(other.structure),
        )


def prepare(root: Path, study: Study, *, only: str | None = None, loaded: Loaded | None = None) -> Prepared:
    """Split the study's table, seal the holdout, leave the training rows in data/.

    Parameters
    ----------
    only
        Refuse to write anything under another fingerprint than this one, that of a live run.
    loaded
        The table where it was loaded already.

    Raises
    ------
    StudyError
        The table or the target does not serve; the message names the field and the remedy.
    DataError
        It cannot be written; what was there before is still there.
    """
    loaded = read(root, study, loaded)
    table = loaded.table
    given = slice(table.shape[1])  # lags come behind
    target = table[study.study.target]
    classes = _classes(study, target)
    whole = structure(table, study)
    kept, sealed = cut(target, study, whole)
    verify(whole, [Split(0, 0, kept, sealed)])
    y, y_sealed = (_encode(target.iloc[rows], classes) for rows in (kept, sealed))
    ours, seed = whole.take(kept), study.evaluation.seed
    repeats, folds = plan(y, _class_counts(y, classes), ours, seed)
    if whole.time is not None:
        dealt = list(splits(y, ours, stratify=bool(classes), repeats=repeats, folds=folds, seed=seed))
        verify(ours, dealt)
        table = lagged(table, study, whole.time, [*(kept[split.valid] for split in dealt), sealed])
    holdout_digest, ours_digest = (content.digest(table, part, doing="fingerprint") for part in (sealed, kept))
    fingerprint = manifest.fingerprint(root, study, ours_digest, holdout_digest)
    if only and fingerprint != only:
        raise StudyError(
            f"study.toml: study.data: {study.study.data} is another table now, and a run is live here under "
            f"fingerprint {only}; put the table back, or end the run: uv run autoresearch stop"
        )
    training_rows, holdout_rows = (table.iloc[_some(rows), given] for rows in (kept, sealed))
    with content.at_work("looking for leaks, groups, copies"):
        told = _findings(root, study, training_rows, holdout_rows, len(table))
    features = _features(table.iloc[:1], study).drop(columns=study.study.target)
    words = features.select_dtypes(exclude=["number", "bool"])
    messy = any(is_messy(table[[name]].iloc[kept]) for name in words)  # one by one: never a copy of them all
    gaps = tuple(str(n) for n in table.columns.drop(study.study.target) if table[n].iloc[kept].hasnans)
    path = root / training_file(study.study.name)
    source = root / study.study.data
    try:
        holdout_seal = seal(table, sealed, holdout_digest)
        with writing(path, aside=True) as file:
            content.write(file, table, kept, "writing the training rows")
        found = Prepared(
            name=study.study.name,
            fingerprint=fingerprint,
            identity=manifest.identity(study),
            rows=len(kept),
            holdout_rows=len(sealed),
            columns=table.shape[1],
            dtypes={str(name): str(dtype) for name, dtype in table.dtypes.items()},
            classes=tuple(classes),
            balance=_balance(y, classes),
            repeats=repeats,
            folds=folds,
            provable=provable_gain(study.metric, y_sealed),
            suspicious=study.metric.suspicious(y),
            training_digest=digest(path),
            holdout_digest=holdout_digest,
            source=study.study.data,
            described=loaded.described,
            source_stamp=manifest.stamp(source) if source.is_file() else "",
            source_digest=digest(source) if source.is_file() else "",
            messy=messy,
            gaps=gaps,
            findings=told,
        )
        found.write(root)
    except OSError as error:
        raise DataError(
            f"the prepared rows cannot be written: {error.strerror or error}; what was there before is still there, "
            "make room or change the permissions, then `uv run prepare.py` again"
        ) from None
    if study.holdout.show == "always":
        holdout_seal.unseal()
    return found


def _some(rows: np.ndarray) -> np.ndarray:
    """Rows to look at for findings: all of them, or as many of a large table as cost little memory."""
    if len(rows) <= LOOKED_AT:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, LOOKED_AT, replace=False))


def _findings(
    root: Path, study: Study, training_rows: pd.DataFrame, holdout_rows: pd.DataFrame, rows: int
) -> tuple[str, ...]:
    """What a person should know, in lines. Both parts still have the positions of the file as their index."""
    target, positions = study.study.target, training_rows.index.to_numpy()
    group, time = (tie.column if tie else None for tie in (study.group, study.time))
    found = findings(training_rows, target, study.study.task, positions=positions, group=group, time=time)
    found += overlap(training_rows, holdout_rows, target)
    told = exposures(root, training_rows, holdout_rows, target)
    found += [exposed(path, rows, len(holdout_rows)) for path, rows in told.items()]
    seen = len(training_rows) + len(holdout_rows)
    part = "" if seen == rows else f" (looked at {seen:,} of {rows:,} rows)"
    return tuple(f"{finding}{part}" for finding in by_gravity(found))


def _classes(study: Study, target: pd.Series) -> list[str | int | float | bool]:
    """Labels by code; empty for regression."""
    if study.study.task == "regression":
        if not pd.api.types.is_numeric_dtype(target):
            raise StudyError(f"study.toml: study.target: {study.study.target!r} holds no numbers; set study.task")
        _varies(study, target.unique()[:2].tolist())
        if infinite := int(np.isinf(target).sum()):
            raise StudyError(
                f"study.toml: study.target: {study.study.target!r} is infinite in {infinite} of {len(target)} rows; "
                "take these out of the table, or name another column"
            )
        if study.metric.positive and (low := float(target.min())) < 0:
            raise StudyError(
                f"study.toml: evaluation.metric: {study.metric.name} measures labels of 0 or more, and "
                f"{study.study.target!r} goes down to {low:g}; choose rmse"
            )
        _enough(study, len(target), "the table")
        return []
    classes = sorted(target.unique().tolist())
    _varies(study, classes)
    if study.study.task == "binary":
        if len(classes) != 2:
            raise StudyError(
                f"study.toml: study.task: binary, but {study.study.target!r} has {len(classes)} values; "
                "choose multiclass or regression"
            )
        positive = study.study.positive if study.study.positive is not None else classes[-1]
        if positive not in classes:
            raise StudyError(
                f"study.toml: study.positive: {positive!r} is no label; choose {classes[0]!r} or {classes[1]!r}"
            )
        classes.sort(key=lambda label: label == positive)
    counts = target.value_counts()
    rarest = min(classes, key=lambda label: counts[label])
    _enough(study, int(counts[rarest]), f"class {rarest!r}", ": merge it with another class or remove it")
    return classes


def _varies(study: Study, values: Sequence[object]) -> None:
    if len(values) < 2:
        raise StudyError(
            f"study.toml: study.target: {study.study.target!r} is {values[0]!r} in every row; name another column"
        )


def _enough(study: Study, count: int, what: str, remedy: str = "") -> None:
    """Refuse what leaves no two folds of five rows for training, or no two rows in the holdout."""
    fraction = study.holdout.fraction
    needed = max(3 * ROWS_PER_CLASS, math.ceil((2 * ROWS_PER_CLASS + 1) / (1 - fraction)), math.ceil(2 / fraction))
    if count < needed:
        raise StudyError(
            f"study.toml: study.target: {what} has {count} rows; {needed} are needed for a "
            f"holdout and two folds{remedy}"
        )


def _encode(
    target: pd.Series, classes: list[str | int | float | bool] | tuple[str | int | float | bool, ...]
) -> np.ndarray:
    """Class codes, or floats for regression (no classes)."""
    if not classes:
        return target.to_numpy(dtype=np.float64)
    return pd.Categorical(target, categories=list(classes)).codes.astype(np.int64)


def _class_counts(y: np.ndarray, classes: list[str | int | float | bool]) -> list[int]:
    return [int((y == code).sum()) for code in range(len(classes))]


def _balance(y: np.ndarray, classes: list[str | int | float | bool]) -> str:
    if not classes:
        return f"mean {y.mean():.4g}, deviation {y.std():.4g}"
    shares = np.bincount(y, minlength=len(classes)) / len(y)
    return ", ".join(f"{label}: {share:.1%}" for label, share in zip(classes, shares, strict=True))


def _table(rows: pd.DataFrame, study: Study, prepared: Prepared) -> Table:
    found = structure(rows, study)
    y = _encode(rows.pop(study.study.target), prepared.classes)
    return Table(_features(rows, study), y, found)


def _features(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    return table.drop(columns=study.group.column) if study.group and not study.time else table


def training(root: Path, study: Study, prepared: Prepared) -> Table:
    """The training rows.

    Raises
    ------
    DataError
        Their file cannot be read.
    """
    path = prepared.training_path(root)
    try:
        return _table(content.read(path), study, prepared)
    except (OSError, ValueError) as error:
        raise DataError(f"data/{path.name} cannot be read: {error}; `uv run prepare.py` writes it anew") from None


def holdout(study: Study, prepared: Prepared) -> Table:
    """The sealed rows. Only the audit, and an unsealed study, call this."""
    return _table(prepared.seal.read(), study, prepared)
