"""Logistic regression, strongly shrunken."""

from sklearn.linear_model import LogisticRegression

FAMILY = "linear"
TASKS = ("binary", "multiclass")


def build_model():
    """Build the estimator that ends the pipeline."""
    return LogisticRegression(C=0.05, max_iter=1000)
