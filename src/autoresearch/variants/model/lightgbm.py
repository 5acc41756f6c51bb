"""LightGBM, default settings."""

from lightgbm import LGBMClassifier

FAMILY = "boosting"
TASKS = ("binary", "multiclass")
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMClassifier(n_jobs=1, random_state=0, verbose=-1)
