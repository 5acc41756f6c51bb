"""Differences of neighbouring numeric columns."""

import pandas as pd

FAMILY = "interactions"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}
WITHOUT = {"numbers": "as_is"}


def feature_fn(X):
    """Add each numeric column less the next one."""
    numbers = X.select_dtypes("number").astype(float)
    pairs = zip(numbers.columns, numbers.columns[1:], strict=False)
    return X.join(pd.DataFrame({f"{a} - {b}": numbers[a] - numbers[b] for a, b in pairs}, index=X.index))
