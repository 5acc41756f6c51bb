"""XGBoost, flaml's zero-shot settings for this table."""

from flaml.default import XGBClassifier

FAMILY = "boosting"
TASKS = ("binary", "multiclass")
PACE = "slow"
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return XGBClassifier(n_jobs=1, random_state=0)
