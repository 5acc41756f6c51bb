"""LightGBM, default settings."""

from lightgbm import LGBMRegressor

FAMILY = "boosting"
TASKS = ("regression",)


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMRegressor(random_state=0, verbose=-1)
