"""Gaussian naive Bayes."""

from sklearn.naive_bayes import GaussianNB

FAMILY = "bayes"
TASKS = ("binary", "multiclass")
PACE = "late"
RANGES = {"var_smoothing": (1e-9, 0.1, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return GaussianNB(var_smoothing=1e-9)
