"""Length, words and digits of each text."""

import pandas as pd

FAMILY = "text"
TASKS = ("binary", "multiclass", "regression")
TABLES = ("messy",)
RANGES = {}
WITHOUT = {"text": "as_is"}


def feature_fn(X):
    """Add what the form of each text says, whatever its words."""
    parts = {}
    for name in X.select_dtypes(["str", "object"]).columns:
        text = X[name].astype("str")
        parts[f"{name} length"] = text.str.len()
        parts[f"{name} words"] = text.str.count(r"\S+")
        parts[f"{name} digits"] = text.str.count(r"\d")
    return X.join(pd.DataFrame(parts, index=X.index).astype(float))
