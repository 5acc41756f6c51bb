"""Nearest neighbours, distance-weighted."""

from sklearn.neighbors import KNeighborsClassifier

FAMILY = "neighbours"
TASKS = ("binary", "multiclass")


def build_model():
    """Build the estimator that ends the pipeline."""
    return KNeighborsClassifier(n_neighbors=25, weights="distance")
