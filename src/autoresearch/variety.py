"""The variety of a table's columns: whether one column per category would do, or dates and text are among them."""

import pandas as pd

__all__ = ["is_messy"]

MOST_CATEGORIES = 100  # of a column that one column per category still suits
SAMPLE = 200  # values that tell whether a column holds dates
DATE = r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?\s*"


def is_messy(features: pd.DataFrame) -> bool:
    """Whether a column holds dates, text or more than `MOST_CATEGORIES` categories."""
    return any(_is_messy(features[name]) for name in features.columns)


def _is_messy(column: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    if pd.api.types.is_numeric_dtype(column.dtype):  # flags are, too
        return False
    values = column.dropna().unique()
    return len(values) > MOST_CATEGORIES or (
        len(values) > 0 and bool(pd.Series(values[:SAMPLE]).astype("str").str.fullmatch(DATE).all())
    )
