"""Flags for missing values, and their count per row."""

FAMILY = "missing"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}
WITHOUT = {"missing": "as_is"}


def feature_fn(X):
    """Add one flag per column and the number of values that a row lacks."""
    missing = X.isna().astype(int)
    return X.join(missing.add_prefix("missing ")).assign(missing=missing.sum(axis=1))
