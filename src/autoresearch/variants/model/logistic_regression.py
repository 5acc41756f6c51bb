"""Logistic regression."""

from sklearn.linear_model import LogisticRegression

FAMILY = "linear"
TASKS = ("binary", "multiclass")
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LogisticRegression(max_iter=1000)
