"""Extremely randomised trees, flaml's zero-shot settings for this table."""

from flaml.default import ExtraTreesRegressor

FAMILY = "bagging"
TASKS = ("regression",)
PACE = "slow"
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return ExtraTreesRegressor(n_jobs=1, random_state=0)
