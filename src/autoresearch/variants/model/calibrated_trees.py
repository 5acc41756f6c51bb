"""Randomised trees, their probabilities calibrated."""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesClassifier

FAMILY = "calibration"
TASKS = ("binary", "multiclass")
PACE = "slow"
RANGES = {"min_samples_leaf": (1, 20, "log int"), "method": ["sigmoid", "isotonic"]}


def build_model():
    """Build the estimator that ends the pipeline."""
    trees = ExtraTreesClassifier(min_samples_leaf=3, n_jobs=1, random_state=0)
    return CalibratedClassifierCV(trees, method="sigmoid", cv=3, n_jobs=1)
