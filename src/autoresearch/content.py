"""What a table's rows hold, as a digest, and the rows as Parquet: written part by part, never copied as a whole."""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["at_work", "digest", "read", "write"]

PART = 1 << 16  # rows written at a time
CELLS = 1 << 21  # read at a time


def digest(table: pd.DataFrame, rows: np.ndarray | None = None, salt: str = "", doing: str = "") -> str:
    """SHA-256 over names, types and values of `rows` (positions; by default all), the same for any file format.

    Parameters
    ----------
    salt
        Makes another digest of the same rows.
    doing
        What a bar on a terminal says is done; by default there is none.
    """
    types = [[name, str(dtype)] for name, dtype in table.dtypes.items()]
    total = hashlib.sha256(json.dumps([salt, len(table) if rows is None else len(rows), types]).encode())
    for position in _shown(range(table.shape[1]), doing):
        column = table.iloc[:, position]
        if rows is not None:
            column = column.iloc[rows]
        if column.dtype == np.float64:
            column = column.mask(column.isna(), np.nan)  # there are many nans, and one is meant
        total.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    return total.hexdigest()


def _shown(parts: Sequence[int], doing: str) -> Iterable[int]:
    """The same, with a bar on a terminal."""
    console = Console(stderr=True)
    return track(parts, doing, console=console, transient=True, disable=not (doing and console.is_terminal))


def at_work(doing: str) -> AbstractContextManager[object]:
    """Say on a terminal what is done meanwhile, where nobody can tell how far it is."""
    console = Console(stderr=True)
    return console.status(doing) if console.is_terminal else nullcontext()


def write(file: BinaryIO, table: pd.DataFrame, rows: np.ndarray, doing: str = "") -> None:
    """Write `rows` (positions) of a typed table as Parquet, with a bar on a terminal that says what is done."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(table)
    with pq.ParquetWriter(file, schema) as writer:
        for start in _shown(range(0, len(rows), PART), doing):
            part = table.iloc[rows[start : start + PART]]
            writer.write_table(pa.Table.from_pandas(part, schema, preserve_index=False).replace_schema_metadata(None))
    pa.default_memory_pool().release_unused()


def read(stored: bytes | Path) -> pd.DataFrame:
    """Read back what `write` wrote, from a file or its bytes.

    Raises
    ------
    ValueError
        The bytes are no Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, pd.Series] = {}
    try:
        with pq.ParquetFile(io.BytesIO(stored) if isinstance(stored, bytes) else stored) as file:
            names, rows = file.schema_arrow.names, file.metadata.num_rows
            width = max(1, CELLS // max(1, rows))
            for start in range(0, len(names), width):  # some at a time: a long table is never there twice
                columns |= dict(file.read(columns=names[start : start + width]).to_pandas(split_blocks=True).items())
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from None
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(columns, index=range(rows), copy=False)


def _schema(table: pd.DataFrame) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(name, _arrow(str(dtype))) for name, dtype in table.dtypes.items()])


def _arrow(dtype: str) -> "pa.DataType":
    import pyarrow as pa

    if dtype.startswith("datetime64"):
        return pa.timestamp("us")
    return pa.large_string() if dtype == "str" else pa.type_for_alias(dtype)
