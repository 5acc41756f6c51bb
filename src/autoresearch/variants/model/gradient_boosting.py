"""Histogram gradient boosting."""

from sklearn.ensemble import HistGradientBoostingClassifier

FAMILY = "boosting"
TASKS = ("binary", "multiclass")


def build_model():
    """Build the estimator that ends the pipeline."""
    return HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, random_state=0)
