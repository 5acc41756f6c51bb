"""Products of all pairs of numeric columns."""

from itertools import combinations

import pandas as pd

FAMILY = "interactions"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}
WITHOUT = {"numbers": "as_is"}


def feature_fn(X):
    """Add the product of every pair of the first twelve numeric columns."""
    numbers = X.select_dtypes("number").iloc[:, :12]
    products = {f"{a} x {b}": numbers[a] * numbers[b] for a, b in combinations(numbers.columns, 2)}
    return X.join(pd.DataFrame(products, index=X.index))
