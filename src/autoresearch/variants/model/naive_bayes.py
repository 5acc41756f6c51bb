"""Gaussian naive Bayes."""

from sklearn.naive_bayes import GaussianNB

FAMILY = "bayes"
TASKS = ("binary", "multiclass")


def build_model():
    """Build the estimator that ends the pipeline."""
    return GaussianNB()
