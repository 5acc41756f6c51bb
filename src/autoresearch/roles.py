"""What columns seem to be, by their values: constants, identifiers, text, times, groups.

Pure, and never more than a guess.
"""

import re

import numpy as np
import pandas as pd

from autoresearch.leakage import codes

__all__ = ["constants", "groups", "identifiers", "infinite", "mostly_missing", "texts", "times"]

MISSING = 0.8  # share from which a column is mostly missing
FEWEST = 20  # rows below which a column says nothing of its role
DENSE = 10  # a numbering has at most so many numbers to a row
LETTERS = 40  # mean length from which text is no identifier
WORDS = 100  # distinct texts from which one-hot columns explode
VARIED = 0.05  # and their share of the rows
YEARS = (1900, 2100)
DATED = 0.95  # share of texts that read as dates
LEVELS = 10  # fewest values of a group column
REPEATED = 3  # fewest rows to a value, on average
PREVAILS = 0.5  # share of one value from which a column is no group
PAIRS = 20_000  # pairs of rows compared
GLANCE = 100  # of them, to begin with
EXPECTED = 10  # disagreements that chance would leave, at least, for their absence to mean something
SHARED = 0.3  # of the target's variation that a group takes away
NEIGHBOURS = 0.5  # variation within, beside that between neighbouring values
NUMBERED = re.compile(r"(^|[^a-z])(id|uuid|guid)$|[a-z]I[dD]$", re.IGNORECASE)
TIMELY = re.compile(r"date|time|year|month|week|day|period|epoch|stamp", re.IGNORECASE)
DATE = r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?\s*$"


def constants(table: pd.DataFrame) -> list[str]:
    """Columns with one value, or with none."""
    return [str(name) for name in table.columns if table[name].isna().all() or (codes(table[name]) == 0).all()]


def mostly_missing(table: pd.DataFrame) -> list[str]:
    """Columns with few values and many gaps."""
    share = table.isna().mean()
    return [str(name) for name in table.columns if MISSING <= share[name] < 1]


def infinite(table: pd.DataFrame) -> list[str]:
    """Columns with infinities, which most models refuse."""
    return [str(name) for name in table.select_dtypes("float").columns if np.isinf(table[name]).any()]


def identifiers(table: pd.DataFrame) -> list[str]:
    """Columns that number or name the rows, each value once."""
    return [str(name) for name in table.columns if _names_rows(table[name], str(name))]


def _names_rows(column: pd.Series, name: str) -> bool:
    if len(column) < FEWEST or column.isna().any() or not column.is_unique:
        return False
    if pd.api.types.is_integer_dtype(column):
        numbers = int(column.max()) - int(column.min()) + 1
        return numbers <= DENSE * len(column) or bool(NUMBERED.search(name))
    return _is_text(column) and not _reads_as_date(column) and bool(column.astype("str").str.len().mean() < LETTERS)


def texts(table: pd.DataFrame) -> list[str]:
    """Columns of text with so many values that a column for each would drown the rest; identifiers left out."""
    found = []
    for name in table.columns:
        column = table[name]
        if _is_text(column) and column.nunique() >= max(WORDS, VARIED * len(column)) and not _reads_as_date(column):
            found.append(str(name))
    named = set(identifiers(table[found]))
    return [name for name in found if name not in named]


def times(table: pd.DataFrame, positions: np.ndarray) -> dict[str, bool]:
    """Columns that seem to say when a row was taken; true where the file is in their order.

    Parameters
    ----------
    positions
        Place of each row in the file.
    """
    in_file = np.argsort(positions, kind="stable")
    found = {}
    for name in table.columns:
        column = table[name]
        if len(column) < FEWEST or column.nunique() < 3:
            continue
        if _reads_as_date(column):
            values = column if pd.api.types.is_datetime64_any_dtype(column) else _dates(column)
            found[str(name)] = _is_ordered(values.iloc[in_file])
        elif pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            ordered = _is_ordered(column.iloc[in_file])
            yearly = bool(column.between(*YEARS).all() and (column % 1 == 0).all())
            timely = bool(TIMELY.search(str(name)))
            if (yearly and (timely or ordered)) or (timely and ordered):
                found[str(name)] = ordered
    return found


def groups(table: pd.DataFrame, target: pd.Series, *, regression: bool) -> list[str]:
    """Columns whose values seem to name what several rows belong to: a patient, a school, a shop.

    Such a column has many values with many rows each, and is called an id, or decides other columns, or its rows share
    the target far more than rows of the neighbouring value do.
    """
    y = codes(target).astype(np.float64) if regression else codes(target)
    found = []
    for name in table.columns:
        column = table[name]
        whole = pd.api.types.is_integer_dtype(column) or _is_text(column)
        if not whole or column.isna().any() or _reads_as_date(column):
            continue
        values = codes(column)
        counts = np.bincount(values)
        if len(counts) < LEVELS or len(values) < REPEATED * len(counts) or counts.max() > PREVAILS * len(values):
            continue
        order = np.argsort(values, kind="stable")
        same = np.flatnonzero(np.diff(values[order]) == 0)[:PAIRS]
        first, second = order[same], order[same + 1]
        named = NUMBERED.search(str(name)) or _decides(table, str(name), len(counts), first, second)
        if named or _shares(values, y, order, first, second):
            found.append(str(name))
    return found


def _decides(table: pd.DataFrame, name: str, levels: int, first: np.ndarray, second: np.ndarray) -> bool:
    """Whether another column, one with fewer values, never changes within a value of this one."""
    for other in table.columns:
        if other == name:
            continue
        if not all(_agree(table[other], first[:pairs], second[:pairs]) for pairs in (GLANCE, PAIRS)):
            continue
        shares = table[other].value_counts(normalize=True, dropna=False)
        if 1 < len(shares) < levels and len(first) * (1 - float((shares**2).sum())) >= EXPECTED:
            return True
    return False


def _agree(column: pd.Series, first: np.ndarray, second: np.ndarray) -> bool:
    left, right = column.iloc[first], column.iloc[second]
    return bool(((left.to_numpy() == right.to_numpy()) | (left.isna().to_numpy() & right.isna().to_numpy())).all())


def _shares(values: np.ndarray, y: np.ndarray, order: np.ndarray, first: np.ndarray, second: np.ndarray) -> bool:
    """Whether rows of a value are alike in the target, and unlike those of the neighbouring value."""
    edges = np.flatnonzero(np.diff(values[order]))
    within = _variation(y[first], y[second])
    between = _variation(y[order[edges]], y[order[edges + 1]])
    overall = _variation(y[order], y[np.roll(order, len(order) // 2)])
    return within <= (1 - SHARED) * overall and within <= NEIGHBOURS * between


def _variation(left: np.ndarray, right: np.ndarray) -> float:
    """Mean difference between labels: squared for ranks, a share for classes."""
    if left.dtype.kind == "f":
        return float(((left - right) ** 2).mean())
    return float((left != right).mean())


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype)) or column.dtype == object


def _reads_as_date(column: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    if not _is_text(column):
        return False
    given = column.dropna().astype("str")
    return bool(len(given) and given.str.match(DATE).mean() >= DATED and _dates(given).notna().mean() >= DATED)


def _dates(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column, format="mixed", errors="coerce", utc=True)


def _is_ordered(column: pd.Series) -> bool:
    given = column.dropna()
    return bool(len(given) and (given.is_monotonic_increasing or given.is_monotonic_decreasing))
