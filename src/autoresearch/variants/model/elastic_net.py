"""Elastic net."""

from sklearn.linear_model import ElasticNetCV

FAMILY = "linear"
TASKS = ("regression",)
RANGES = {"l1_ratio": (0.05, 1.0, "float")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return ElasticNetCV(l1_ratio=0.5, alphas=20, cv=3, n_jobs=1, random_state=0)
