"""Kernel ridge regression, by Nystroem's approximation."""

from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

FAMILY = "kernel"
TASKS = ("regression",)
PACE = "first"
RANGES = {"gamma": (0.001, 1.0, "log"), "n_components": (20, 300, "log int"), "alpha": (0.001, 10.0, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    kernel = Nystroem(gamma=0.02, n_components=100, random_state=0)
    return make_pipeline(kernel, Ridge(alpha=0.1))
