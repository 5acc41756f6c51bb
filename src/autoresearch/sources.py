"""Where a table comes from: a bundled name, OpenML, an address, or a file; CSV or Parquet.

A new source is a function here that gives a `Loaded`, an entry in `BUNDLED` or a case of `load`, and a test in
tests/test_sources.py.
"""

import shlex
import shutil
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from autoresearch import tablefile
from autoresearch.columns import meant, narrowed, typed
from autoresearch.errors import StudyError
from autoresearch.study import Study
from autoresearch.tablefile import Loaded

__all__ = ["BUNDLED", "OPENML", "Loaded", "load", "read"]

OPENML = "openml:"
SCHEMES = ("http", "https", "ftp", "file")
TIMEOUT = 60.0  # seconds without an answer from an address


def _sklego(name: str, target: str) -> pd.DataFrame:
    from sklego import datasets

    frame = pd.DataFrame(getattr(datasets, f"load_{name}")(as_frame=True))
    return frame[[*frame.columns.drop(target), target]]


def _sklearn(name: str, **options: bool) -> pd.DataFrame:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True, **options)
    names = bunch.get("target_names")
    frame = pd.DataFrame(bunch.frame)
    return frame if names is None else frame.assign(target=np.asarray(names)[bunch.target])


BUNDLED: dict[str, Callable[[], pd.DataFrame]] = {
    "heart": partial(_sklego, "hearts", "target"),
    "arrests": partial(_sklego, "arrests", "released"),
    "breast_cancer": partial(_sklearn, "breast_cancer"),
    "iris": partial(_sklearn, "iris"),
    "penguins": partial(_sklego, "penguins", "species"),
    "wine": partial(_sklearn, "wine"),
    "abalone": partial(_sklego, "abalone", "rings"),
    "chickweight": partial(_sklego, "chicken", "weight"),
    "diabetes": partial(_sklearn, "diabetes", scaled=False),
}
"""Tables that come with the installed libraries and need no network; the target is the last column."""


def load(root: Path, name: str) -> Loaded:
    """Read the table that `name` stands for, all columns of it, typed.

    Raises
    ------
    StudyError
        It cannot be read; the message begins with the name.
    """
    try:
        return _load(root, name)
    except StudyError as error:
        raise StudyError(f"{name!r} {error}") from None
    except OSError as error:
        raise StudyError(f"{name!r} cannot be read: {error.strerror or _line(error)}") from None


def _load(root: Path, name: str) -> Loaded:
    if name in BUNDLED:
        found = Loaded(typed(BUNDLED[name]()), "bundled table")
    elif name.startswith(OPENML):
        found = _openml(name)
    elif "://" in name:
        found = _address(name)
    else:
        found = tablefile.read(root / name, BUNDLED)
    if len(found.table) < 2:
        raise StudyError(f"has {'one row' if len(found.table) else 'no rows'}; a study needs some dozens")
    return found


def read(root: Path, study: Study, loaded: Loaded | None = None) -> Loaded:
    """Read the study's table: its columns checked, those dropped that the study drops, nothing split.

    Parameters
    ----------
    loaded
        The table where it was loaded already.

    Raises
    ------
    StudyError
        It cannot be read, or its target cannot serve.
    """
    source = study.study
    try:
        loaded = loaded or load(root, source.data)
    except StudyError as error:
        raise StudyError(f"study.toml: study.data: {error}") from None
    table = loaded.table
    for field, names in (("target", [source.target]), ("drop", source.drop)):
        for name in names:
            if name not in table.columns:
                raise StudyError(
                    f"study.toml: study.{field}: {source.data} has no column {name!r}; {meant(name, table.columns)}"
                )
    if source.target in source.drop:
        raise StudyError(f"study.toml: study.drop: {source.target!r} is the target; name another study.target")
    table = table.drop(columns=list(source.drop))
    if table.shape[1] < 2:
        raise StudyError(
            f"study.toml: study.data: {source.data} has no column beside {source.target!r} to predict it from"
        )
    table = _labelled(table, study)
    for name in table.columns.drop(source.target):
        if pd.api.types.is_float_dtype(table[name].dtype) and (infinite := int(np.isinf(table[name]).sum())):
            raise StudyError(
                f"study.toml: study.data: column {name!r} is infinite in {infinite} of {len(table)} rows; "
                f"leave those cells empty, or leave the column out (study.drop): --drop {shlex.quote(name)}"
            )
    return Loaded(table, loaded.described)


def _labelled(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Rows that have a label: all of them, unless the study says to leave the others out."""
    target = study.study.target
    gaps = table[target].isna()
    missing = int(gaps.sum())
    if not missing:
        return table
    if not study.study.drop_missing_target:
        raise StudyError(
            f"study.toml: study.target: {target!r} is missing in {missing} of {len(table)} rows; "
            "give them a label, or leave those rows out (study.drop_missing_target = true): --drop-missing-target"
        )
    if missing == len(table):
        raise StudyError(f"study.toml: study.target: {target!r} is missing in every row; name another column")
    table = table[~gaps].reset_index(drop=True)
    table[target] = narrowed(table[target])
    return table


# OpenML and addresses


def _openml(name: str) -> Loaded:
    from sklearn.datasets import fetch_openml

    wanted, _, version = name.removeprefix(OPENML).partition("@")
    if version and not version.isdigit():
        raise StudyError(f"names no version; write {OPENML}{wanted}@1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of several versions under one name; the one read is said below
            bunch = fetch_openml(wanted, version=int(version) if version else "active", as_frame=True, n_retries=1)
    except (urllib.error.HTTPError, ValueError) as error:
        raise StudyError(f"cannot be had from OpenML: {_line(error)}") from None
    except (OSError, EOFError) as error:
        raise StudyError(
            f"cannot be fetched: no answer from OpenML ({_line(error)}); bundled tables need no network: "
            f"{', '.join(BUNDLED)}"
        ) from None
    frame = bunch.frame
    last = [label for label in bunch.target_names if label in frame.columns]
    table = typed(frame[[column for column in frame.columns if column not in last] + last])
    return Loaded(table, f"OpenML {bunch.details['name']}, version {bunch.details['version']}")


def _address(name: str) -> Loaded:
    if name.partition("://")[0] not in SCHEMES:
        raise StudyError(f"is no address that can be read; choose {', '.join(SCHEMES)}, or download it")
    with tempfile.TemporaryDirectory(prefix="autoresearch-") as folder:
        path = Path(folder) / "table"
        try:
            with urllib.request.urlopen(name, timeout=TIMEOUT) as answer, path.open("wb") as file:  # noqa: S310
                shutil.copyfileobj(answer, file)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise StudyError(f"cannot be fetched: {_line(reason)}; download it and name the file") from None
        return tablefile.read(path)


def _line(error: object) -> str:
    return " ".join(str(error).split())
