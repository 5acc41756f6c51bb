"""XGBoost, flaml's zero-shot settings for this table."""

from flaml.default import XGBRegressor

FAMILY = "boosting"
TASKS = ("regression",)
PACE = "slow"
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return XGBRegressor(n_jobs=1, random_state=0)
