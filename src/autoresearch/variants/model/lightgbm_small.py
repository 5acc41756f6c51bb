"""LightGBM, few leaves and slow learning."""

from lightgbm import LGBMClassifier

FAMILY = "boosting"
TASKS = ("binary", "multiclass")


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMClassifier(n_estimators=150, num_leaves=5, learning_rate=0.03, random_state=0, verbose=-1)
