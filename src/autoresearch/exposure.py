"""Tables in the working tree that still hold the sealed rows with their labels, found by looking into them.

A file is recognised by what it holds, not by its name, because a table is often kept twice. The look is bounded: so
many files of so many bytes, and none below a hidden folder or one of installed packages.
"""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["exposures"]

SUFFIXES = (".csv", ".tsv", ".txt", ".data", ".csv.gz", ".tsv.gz", ".parquet")
SEPARATORS = (",", ";", "\t", "|")
FOLDERS_LEFT_OUT = {"node_modules", "__pycache__", "site-packages", "venv"}
ENTRIES = 20_000  # of the tree
FILES = 50  # tables looked into
ROWS = 50_000  # of one at a time, until one of them tells
PARQUET_ROWS, BUFFER = 10_000, 1 << 16  # and bytes of each column, all of which are read side by side
SHARED = 0.5  # of the columns that a file must have to be about the same rows
BYTES = 500_000_000  # of a file
PRIME = 1_000_003


def exposures(root: Path, training: pd.DataFrame, holdout: pd.DataFrame, target: str) -> dict[str, int]:
    """Paths of files below `root`, each with the number of sealed rows that were seen in it before it was put away.

    Parameters
    ----------
    training, holdout
        Both parts of the table. A row that is in both tells nothing.
    """
    found = {}
    for path in _tables(root):
        for part in _parts(path, list(training.columns), target):
            told = _told(part, training, holdout)
            if told:
                found[path.relative_to(root).as_posix()] = told
                break
    return found


def _told(part: pd.DataFrame, training: pd.DataFrame, holdout: pd.DataFrame) -> int:
    """How many sealed rows a part of a file holds, those left out that are training rows too."""
    columns = list(part.columns)
    sealed = _keys(holdout[columns], training)
    told = sealed[np.isin(sealed, _keys(part, training))]
    return int((~np.isin(told, _keys(training[columns], training))).sum()) if len(told) else 0


def _tables(root: Path) -> Iterator[Path]:
    """Files that may be tables, in the same order on every machine."""
    entries = files = 0
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in FOLDERS_LEFT_OUT)
        entries += len(names) + len(below)
        for name in sorted(names):
            path = Path(folder, name)
            if name.lower().endswith(SUFFIXES) and path.is_file() and 0 < path.stat().st_size <= BYTES:
                files += 1
                if files > FILES:
                    return
                yield path
        if entries > ENTRIES:
            return


def _parts(path: Path, known: list[str], target: str) -> Iterator[pd.DataFrame]:
    """The columns of a file that the study's table has too, some rows at a time; nothing where it is no such table."""
    try:
        if path.suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)  # else a row group is read as a whole
            shared = _shared(list(file.schema_arrow.names), known, target)
            yield from (part.to_pandas() for part in file.iter_batches(PARQUET_ROWS, columns=shared) if shared)
            pa.default_memory_pool().release_unused()
            return
        for separator in SEPARATORS:
            header = pd.read_csv(path, sep=separator, nrows=0)
            if shared := _shared([str(name) for name in header.columns], known, target):
                # whole numbers with gaps, and text among numbers, are compared by what they say
                with warnings.catch_warnings(action="ignore", category=pd.errors.DtypeWarning):
                    yield from pd.read_csv(path, sep=separator, usecols=shared, chunksize=ROWS)
                return
    except (ValueError, OSError, EOFError):
        return  # no table after all


def _shared(names: list[str], known: list[str], target: str) -> list[str]:
    """Columns in common, in the study's order; none where the target or most of the others are not among them."""
    shared = [name for name in known if name in names]
    return shared if target in shared and len(shared) > max(1, SHARED * len(known)) else []


def _keys(rows: pd.DataFrame, like: pd.DataFrame) -> np.ndarray:
    """A number for each row by its values, column by column: a long table is never copied whole."""
    total: np.ndarray = np.zeros(len(rows), dtype=np.uint64)
    for name in sorted(rows.columns):
        values = pd.util.hash_pandas_object(_comparable(rows[name], like[name].dtype), index=False)
        total = total * np.uint64(PRIME) + values.to_numpy()
    return total


def _comparable(column: pd.Series, dtype: Any) -> pd.Series:
    """Values as they read alike from every format: numbers to seven digits, moments, and text."""
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        with np.errstate(over="ignore"):
            return pd.to_numeric(column, errors="coerce").astype("float32")
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return pd.to_datetime(column, errors="coerce", utc=True, format="mixed").astype("datetime64[us, UTC]")
    return column.astype("str")
