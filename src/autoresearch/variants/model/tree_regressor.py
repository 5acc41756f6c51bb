"""A single decision tree."""

from sklearn.tree import DecisionTreeRegressor

FAMILY = "trees"
TASKS = ("regression",)
PACE = "late"
RANGES = {"max_depth": (2, 12, "int"), "min_samples_leaf": (1, 40, "log int")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return DecisionTreeRegressor(max_depth=5, min_samples_leaf=10, random_state=0)
