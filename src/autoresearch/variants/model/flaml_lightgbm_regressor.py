"""LightGBM, flaml's zero-shot settings for this table."""

from flaml.default import LGBMRegressor

FAMILY = "boosting"
TASKS = ("regression",)
PACE = "slow"
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMRegressor(n_jobs=1, random_state=0, verbose=-1)
