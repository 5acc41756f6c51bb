"""Nearest neighbours, distance-weighted."""

from sklearn.neighbors import KNeighborsRegressor

FAMILY = "neighbours"
TASKS = ("regression",)
PACE = "late"
RANGES = {"n_neighbors": (3, 40, "log int"), "weights": ["distance", "uniform"], "p": [1, 2]}


def build_model():
    """Build the estimator that ends the pipeline."""
    return KNeighborsRegressor(n_neighbors=25, weights="distance", p=2, n_jobs=1)
