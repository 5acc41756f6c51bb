"""LightGBM, default settings."""

from lightgbm import LGBMRegressor

FAMILY = "boosting"
TASKS = ("regression",)
PACE = "first"
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMRegressor(n_jobs=1, random_state=0, verbose=-1)
