"""Kernel logistic regression, by Nystroem's approximation."""

from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

FAMILY = "kernel"
TASKS = ("binary", "multiclass")
RANGES = {"gamma": (0.001, 1.0, "log"), "n_components": (20, 300, "log int"), "C": (0.01, 100.0, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    kernel = Nystroem(gamma=0.02, n_components=100, random_state=0)
    return make_pipeline(kernel, LogisticRegression(C=1.0, max_iter=1000))
