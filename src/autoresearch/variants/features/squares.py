"""Squares of the numeric columns."""

FAMILY = "transforms"
TASKS = ("binary", "multiclass", "regression")
PACE = "first"
RANGES = {}
WITHOUT = {"numbers": "as_is"}


def feature_fn(X):
    """Add the square of every numeric column."""
    squares = X.select_dtypes("number").astype(float) ** 2
    return X.join(squares.add_suffix(" squared"))
