"""Ridge regression, strongly shrunken."""

from sklearn.linear_model import Ridge

FAMILY = "linear"
TASKS = ("regression",)
RANGES = {"alpha": (0.1, 10000.0, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return Ridge(alpha=100.0)
