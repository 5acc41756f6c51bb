"""Logistic regression, strongly shrunken."""

from sklearn.linear_model import LogisticRegression

FAMILY = "linear"
TASKS = ("binary", "multiclass")
RANGES = {"C": (0.001, 10.0, "log"), "class_weight": [None, "balanced"]}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LogisticRegression(C=0.05, class_weight=None, max_iter=1000)
