"""Extremely randomised trees."""

from sklearn.ensemble import ExtraTreesRegressor

FAMILY = "bagging"
TASKS = ("regression",)
RANGES = {"min_samples_leaf": (1, 20, "log int"), "max_features": (0.1, 1.0, "float")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return ExtraTreesRegressor(
        n_estimators=200,
        min_samples_leaf=3,
        max_features=0.5,
        n_jobs=1,
        random_state=0,
    )
