"""Histogram gradient boosting."""

from sklearn.ensemble import HistGradientBoostingRegressor

FAMILY = "boosting"
TASKS = ("regression",)
RANGES = {
    "learning_rate": (0.01, 0.3, "log"),
    "max_iter": (30, 300, "log int"),
    "max_leaf_nodes": (4, 64, "log int"),
    "l2_regularization": (0.001, 100.0, "log"),
}


def build_model():
    """Build the estimator that ends the pipeline."""
    return HistGradientBoostingRegressor(
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=31,
        l2_regularization=0.001,
        random_state=0,
    )
