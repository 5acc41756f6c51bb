"""LightGBM, flaml's zero-shot settings for this table."""

from flaml.default import LGBMClassifier

FAMILY = "boosting"
TASKS = ("binary", "multiclass")
PACE = "first"
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMClassifier(n_jobs=1, random_state=0, verbose=-1)
