"""Support vector machine, calibrated."""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC

FAMILY = "kernel"
TASKS = ("binary", "multiclass")
PACE = "slow"
RANGES = {"C": (0.01, 100.0, "log"), "kernel": ["rbf", "poly", "sigmoid"]}


def build_model():
    """Build the estimator that ends the pipeline."""
    machine = SVC(C=1.0, kernel="rbf", random_state=0)
    return CalibratedClassifierCV(machine, cv=3, ensemble=False, n_jobs=1)
