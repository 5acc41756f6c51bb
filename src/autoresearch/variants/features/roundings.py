"""Numbers rounded to one digit, beside the numbers."""

import numpy as np

FAMILY = "bins"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}
WITHOUT = {"numbers": "as_is"}


def feature_fn(X):
    """Add every numeric column rounded to its first digit, which groups near values."""
    numbers = X.select_dtypes("number").astype(float)
    size = 10.0 ** np.floor(np.log10(numbers.abs().where(numbers != 0, 1.0)))
    return X.join((numbers / size).round().mul(size).add_suffix(" rounded"))
