"""Year, month, weekday, day and hour of each date."""

import pandas as pd

FAMILY = "dates"
TASKS = ("binary", "multiclass", "regression")
TABLES = ("messy",)
RANGES = {}
WITHOUT = {"dates": "as_is"}


def feature_fn(X):
    """Add the parts of dates that are written year first, and of dates proper, and the days since 1970."""
    parts = {}
    for name in X.select_dtypes(["str", "object", "datetime", "datetimetz"]).columns:
        date = pd.to_datetime(X[name], format="ISO8601", errors="coerce", utc=True).dt
        parts[f"{name} year"], parts[f"{name} month"], parts[f"{name} day"] = date.year, date.month, date.day
        parts[f"{name} weekday"], parts[f"{name} hour"] = date.dayofweek, date.hour
        parts[f"{name} days"] = date.year * 365.25 + date.dayofyear
    return X.join(pd.DataFrame(parts, index=X.index).astype(float))
