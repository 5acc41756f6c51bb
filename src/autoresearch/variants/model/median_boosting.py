"""Histogram gradient boosting of the median."""

from sklearn.ensemble import HistGradientBoostingRegressor

FAMILY = "boosting"
TASKS = ("regression",)
RANGES = {"learning_rate": (0.01, 0.3, "log"), "max_leaf_nodes": (4, 64, "log int")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=0.05,
        max_leaf_nodes=15,
        random_state=0,
    )
