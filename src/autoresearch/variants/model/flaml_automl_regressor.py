"""FLAML's search in a box of a few seconds."""

from flaml import AutoML

FAMILY = "automl"
TASKS = ("regression",)
PACE = "boxed"
RANGES = {"time_budget": [2, 5, 10]}


def build_model():
    """Build the estimator that ends the pipeline."""
    return AutoML(task="regression", time_budget=2, n_jobs=1, seed=0, verbose=0)
