"""The types that a table's columns have here, whatever file they came from. Pure: a table in, a table out.

The same data in CSV and in Parquet give the same typed table: int64, float64, bool, datetime64[us] and text. The
price is said in docs/data.md: what CSV cannot tell apart (an empty text and a gap, NA and a gap) is not told apart.
"""

import difflib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.api import types

from autoresearch.errors import StudyError

__all__ = ["MISSING", "meant", "narrowed", "typed"]

MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""Texts that stand for a missing value, in any file."""
ISO_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
INT64 = np.iinfo(np.int64)
LISTED = 20  # columns named to somebody who named another


def meant(name: str, columns: Iterable[object]) -> str:
    """What to say of a column that is not there: the one that was meant, or those there are."""
    names = [str(column) for column in columns]
    folded = {column.casefold(): column for column in reversed(names)}
    if found := difflib.get_close_matches(name.casefold(), folded, n=1):
        return f"did you mean {folded[found[0]]!r}?"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"choose one of {', '.join(names[:LISTED])}{more}"


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Give every column a text for a name and one of the few types, column by column.

    Raises
    ------
    StudyError
        Two columns have one name.
    """
    names = pd.Index([str(name) for name in table.columns], dtype="str")
    if not names.is_unique:
        twice = names[names.duplicated()][0]
        raise StudyError(f"two columns are named {twice!r}; rename one of them")
    found = table.set_axis(names, axis=1).reset_index(drop=True)
    for position, name in enumerate(names):
        before = found.iloc[:, position]
        after = _typed(before)
        if after is not before:
            found[name] = after
    return found


def narrowed(column: pd.Series) -> pd.Series:
    """Whole numbers that were floats only because of gaps, as integers, once no gap is left."""
    if types.is_float_dtype(column.dtype) and bool((column.mod(1) == 0).all()) and bool(column.abs().max() < 2**53):
        return column.astype("int64")
    return column


def _typed(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    dtype = column.dtype
    if dtype in (np.dtype("int64"), np.dtype("float64"), np.dtype("bool")):
        return column
    if column.isna().all():
        return pd.Series(np.nan, index=column.index, dtype="float64")
    if types.is_datetime64_any_dtype(dtype):
        return _instants(column)
    if types.is_timedelta64_dtype(dtype):
        return pd.Series(column.dt.total_seconds(), dtype="float64")
    if types.is_bool_dtype(dtype):
        return _text(column.astype(object)) if column.hasnans else column.astype("bool")
    if types.is_integer_dtype(dtype):
        return _whole(column)
    if types.is_float_dtype(dtype):
        return column.astype("float64")
    return _object(column) if types.is_object_dtype(dtype) else _dated(_text(column))


def _whole(column: pd.Series) -> pd.Series:
    if column.hasnans:
        return column.astype("float64")
    return column.astype("uint64" if int(column.max()) > INT64.max else "int64")


def _object(column: pd.Series) -> pd.Series:
    """Objects of one kind as what they are; of several kinds as text."""
    kind = types.infer_dtype(column, skipna=True)
    if kind in ("date", "datetime"):
        return _instants(pd.to_datetime(column, utc=True, errors="coerce"))
    if kind in ("decimal", "floating", "mixed-integer-float"):
        return column.astype("float64")
    if kind == "bytes":
        return _dated(_text(column.str.decode("utf-8", errors="replace")))
    if kind == "boolean" and not column.hasnans:
        return column.astype("bool")
    if kind == "integer":
        present = column.dropna()
        if INT64.min <= min(present) and max(present) <= INT64.max:
            return column.astype("float64" if column.hasnans else "int64")
    return _dated(_text(column))


def _instants(column: pd.Series) -> pd.Series:
    """Points in time without a zone; those that had one in UTC."""
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.astype("datetime64[us]")


def _text(column: pd.Series) -> pd.Series:
    text = column.astype("str")
    gaps = text.isin(MISSING)
    return text.mask(gaps) if bool(gaps.any()) else text


def _dated(text: pd.Series) -> pd.Series:
    """Points in time where every text is an ISO 8601 date; else the texts."""
    present = text.dropna()
    if present.empty:
        return text.astype("float64")
    if not bool(present.iloc[:1].str.fullmatch(ISO_DATE).all() and present.str.fullmatch(ISO_DATE).all()):
        return text
    instants = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    return text if int(instants.isna().sum()) > len(text) - len(present) else _instants(instants)
