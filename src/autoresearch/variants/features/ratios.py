"""Ratios of neighbouring numeric columns."""

import pandas as pd

FAMILY = "interactions"
TASKS = ("binary", "multiclass", "regression")
PACE = "first"
RANGES = {}
WITHOUT = {"numbers": "as_is"}


def feature_fn(X):
    """Divide each numeric column by one more than the size of the next one."""
    numbers = X.select_dtypes("number")
    pairs = zip(numbers.columns, numbers.columns[1:], strict=False)
    ratios = {f"{a} / {b}": numbers[a] / (1 + numbers[b].abs()) for a, b in pairs}
    return X.join(pd.DataFrame(ratios, index=X.index))
