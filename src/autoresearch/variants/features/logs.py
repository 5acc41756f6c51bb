"""Signed logarithms beside the numeric columns."""

import numpy as np

FAMILY = "transforms"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}
WITHOUT = {"numbers": "as_is"}


def feature_fn(X):
    """Add sign(x) * log(1 + |x|) of every numeric column."""
    numbers = X.select_dtypes("number")
    logs = np.sign(numbers) * np.log1p(numbers.abs())
    return X.join(logs.add_prefix("log "))
