"""Ridge regression."""

from sklearn.linear_model import Ridge

FAMILY = "linear"
TASKS = ("regression",)
RANGES = {}


def build_model():
    """Build the estimator that ends the pipeline."""
    return Ridge()
