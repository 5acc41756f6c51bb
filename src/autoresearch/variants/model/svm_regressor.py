"""Support vector machine."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

FAMILY = "kernel"
TASKS = ("regression",)
PACE = "slow"
RANGES = {"C": (0.01, 100.0, "log"), "epsilon": (0.01, 0.5, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    machine = SVR(C=1.0, epsilon=0.1)
    return TransformedTargetRegressor(machine, transformer=StandardScaler())
