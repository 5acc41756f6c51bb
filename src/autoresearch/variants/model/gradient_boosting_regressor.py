"""Histogram gradient boosting."""

from sklearn.ensemble import HistGradientBoostingRegressor

FAMILY = "boosting"
TASKS = ("regression",)


def build_model():
    """Build the estimator that ends the pipeline."""
    return HistGradientBoostingRegressor(max_iter=100, learning_rate=0.05, random_state=0)
