"""Huber regression, which outliers pull less."""

from sklearn.linear_model import HuberRegressor

FAMILY = "linear"
TASKS = ("regression",)
RANGES = {"epsilon": (1.05, 3.0, "float"), "alpha": (0.0001, 10.0, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return HuberRegressor(epsilon=1.35, alpha=0.01, max_iter=500)
