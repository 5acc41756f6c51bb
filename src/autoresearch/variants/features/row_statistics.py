"""Mean, spread and count of zeros of each row's numbers."""

FAMILY = "rows"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}


def feature_fn(X):
    """Add what a row's numbers look like taken together."""
    numbers = X.select_dtypes("number").astype(float)
    return X.assign(
        **{
            "row mean": numbers.mean(axis=1),
            "row smallest": numbers.min(axis=1),
            "row largest": numbers.max(axis=1),
            "row zeros": (numbers == 0).sum(axis=1),
        }
    )
