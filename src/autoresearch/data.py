"""The table: read, checked, split once into training rows and a sealed holdout, and dealt into folds.

Nothing is fitted here: no medians, no encodings. What is computed on the whole table are its column
types and its list of classes.
"""

import difflib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from autoresearch import prepared as manifest
from autoresearch.errors import DataError, StudyError
from autoresearch.files import digest, write_whole
from autoresearch.intervals import provable_gain
from autoresearch.prepared import Prepared
from autoresearch.study import Study
from autoresearch.vault import seal

__all__ = ["BUNDLED", "Split", "Table", "holdout", "prepare", "scheme", "splits", "training"]

ROWS_PER_CLASS = 5  # of the rarest class, in every fold
REPEATS_BY_ROWS = ((2_000, 5), (10_000, 2), (100_000, 1))  # rows below, repeats of five folds


def _load_hearts() -> pd.DataFrame:
    from sklego.datasets import load_hearts

    return pd.DataFrame(load_hearts(as_frame=True))


BUNDLED = {"heart": _load_hearts}
"""Tables that come with the installed libraries and need no network."""


@dataclass(frozen=True)
class Table:
    """Features and labels of the same rows: X (n, columns), y (n,) class codes or values."""

    X: pd.DataFrame
    y: np.ndarray


@dataclass(frozen=True)
class Split:
    """Row positions of one fold."""

    repeat: int
    fold: int
    train: np.ndarray
    valid: np.ndarray


def prepare(root: Path, study: Study) -> Prepared:
    """Split the study's table, seal the holdout, leave the training rows in data/.

    Raises
    ------
    StudyError
        The table or the target does not serve; the message names the field and the remedy.
    """
    table = _load(root, study)
    table = table.reset_index(drop=True)
    target = table[study.study.target]
    classes = _classes(study, target)
    stratify = None if study.study.task == "regression" else target
    kept, sealed = train_test_split(
        np.arange(len(table)),
        test_size=study.holdout.fraction,
        random_state=study.holdout.seed,
        stratify=stratify,
    )
    training_rows, holdout_rows = table.iloc[np.sort(kept)], table.iloc[np.sort(sealed)]
    y = _encode(training_rows[study.study.target], classes)
    repeats, folds = scheme(len(y), _class_counts(y, classes))
    training_csv, holdout_csv = _csv(training_rows), _csv(holdout_rows)
    holdout_seal = seal(holdout_csv)
    path = root / "data" / f"{study.study.name}.csv"
    _protect(path, training_csv)
    write_whole(path, training_csv)
    training_digest = digest(path)
    found = Prepared(
        name=study.study.name,
        fingerprint=manifest.fingerprint(root, study, training_digest, holdout_seal.digest),
        identity=manifest.identity(study),
        rows=len(training_rows),
        holdout_rows=len(holdout_rows),
        columns=table.shape[1],
        dtypes={str(name): str(dtype) for name, dtype in table.dtypes.items()},
        classes=tuple(classes),
        balance=_balance(y, classes),
        repeats=repeats,
        folds=folds,
        provable=provable_gain(study.metric, _encode(holdout_rows[study.study.target], classes)),
        suspicious=study.metric.suspicious(y),
        training_digest=training_digest,
        holdout_digest=holdout_seal.digest,
    )
    found.write(root)
    if study.holdout.show == "always":
        holdout_seal.unseal()
    return found


def _load(root: Path, study: Study) -> pd.DataFrame:
    name = study.study.data
    if name in BUNDLED:
        table = BUNDLED[name]()
    else:
        path = root / name
        if not path.is_file():
            bundled = ", ".join(BUNDLED)
            raise StudyError(f"study.toml: study.data: {name!r} is neither a file here nor a bundled table ({bundled})")
        try:
            table = pd.read_csv(path, low_memory=False)
        except (ValueError, UnicodeDecodeError, OSError) as error:
            reason = " ".join(str(error).split())
            raise StudyError(f"study.toml: study.data: {name!r} cannot be read as CSV: {reason}") from None
    # a column of mixed types, a flag with gaps for one, would read differently from each part: it is text
    table = table.astype({column: "str" for column in table.columns if table[column].dtype == object})
    target = study.study.target
    if target not in table.columns:
        columns = [str(column) for column in table.columns]
        near = difflib.get_close_matches(target, columns, n=1) or columns[-1:]
        raise StudyError(f"study.toml: study.target: {name} has no column {target!r}; did you mean {near[0]!r}?")
    if table.empty:
        raise StudyError(f"study.toml: study.data: {name} has no rows")
    if table.shape[1] < 2:
        raise StudyError(f"study.toml: study.data: {name} has no column beside {target!r} to predict it from")
    if missing := int(table[target].isna().sum()):
        raise StudyError(
            f"study.toml: study.target: {target!r} is missing in {missing} of {len(table)} rows; "
            "remove those rows or give them a label"
        )
    return table


def _classes(study: Study, target: pd.Series) -> list[str | int | float | bool]:
    """Labels by code; empty for regression."""
    if study.study.task == "regression":
        if not pd.api.types.is_numeric_dtype(target) or target.nunique() < 2:
            raise StudyError(f"study.toml: study.target: {study.study.target!r} is no varying number; set study.task")
        if infinite := int(np.isinf(target).sum()):
            raise StudyError(f"study.toml: study.target: {study.study.target!r} is infinite in {infinite} rows")
        _enough(study, len(target), "the table")
        return []
    classes = sorted(target.unique().tolist())
    if len(classes) < 2:
        raise StudyError(f"study.toml: study.target: {study.study.target!r} is {classes[0]!r} in every row")
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


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _protect(path: Path, new: bytes) -> None:
    """Keep a copy of whatever other bytes lie where the training rows go."""
    if path.exists() and path.read_bytes() != new:
        kept = path.with_name(f"{path.stem}-{digest(path)[:8]}.csv")
        path.replace(kept)


def scheme(rows: int, class_counts: list[int]) -> tuple[int, int]:
    """Repeats and folds for so many training rows; (1, 1) is a single 80/20 split.

    Parameters
    ----------
    class_counts
        Rows of each class, empty for regression: no class falls below five rows a fold.

    Raises
    ------
    StudyError
        A class is too small for two folds.
    """
    rarest = min(class_counts, default=rows)
    folds = min(5, rarest // ROWS_PER_CLASS)
    if folds < 2:
        raise StudyError(f"a class has {rarest} training rows; {2 * ROWS_PER_CLASS} are needed for two folds")
    for below, repeats in REPEATS_BY_ROWS:
        if rows < below:
            return repeats, folds
    return 1, 1


def splits(y: np.ndarray, prepared: Prepared, seed: int, repeats: int) -> Iterator[Split]:
    """Deal rows into folds, repeat by repeat, always the same for the same study."""
    for repeat in range(repeats):
        if prepared.folds == 1:
            stratify = y if prepared.classes else None
            train, valid = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed, stratify=stratify)
            yield Split(repeat, 0, train, valid)
            continue
        splitter = StratifiedKFold if prepared.classes else KFold
        dealt = splitter(prepared.folds, shuffle=True, random_state=seed + repeat).split(np.zeros(len(y)), y)
        for fold, (train, valid) in enumerate(dealt):
            yield Split(repeat, fold, train, valid)


def _table(csv: bytes, study: Study, prepared: Prepared) -> Table:
    plain = {
        name: dtype
        for name, dtype in prepared.dtypes.items()
        if dtype.startswith(("int", "uint", "float", "bool", "str"))
    }
    try:
        table = pd.read_csv(io.BytesIO(csv), dtype=plain)
    except (ValueError, OSError) as error:
        raise DataError(
            f"data/{prepared.name}.csv cannot be read: {error}; `uv run prepare.py` writes it anew"
        ) from None
    y = _encode(table.pop(study.study.target), prepared.classes)
    return Table(table, y)


def training(root: Path, study: Study, prepared: Prepared) -> Table:
    """The training rows."""
    return _table(prepared.training_path(root).read_bytes(), study, prepared)


def holdout(study: Study, prepared: Prepared) -> Table:
    """The sealed rows. Only the audit, and an unsealed study, call this."""
    return _table(prepared.seal.read(), study, prepared)
