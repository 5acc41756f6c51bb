"""Stacked linear model, boosting and randomised trees."""

from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, StackingRegressor
from sklearn.linear_model import Ridge

FAMILY = "stacking"
TASKS = ("regression",)
PACE = "slow"
RANGES = {"min_samples_leaf": (1, 20, "log int"), "learning_rate": (0.01, 0.3, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    members = [
        ("linear", Ridge()),
        ("boosting", HistGradientBoostingRegressor(learning_rate=0.05, max_iter=60, random_state=0)),
        ("trees", ExtraTreesRegressor(min_samples_leaf=3, n_jobs=1, random_state=0)),
    ]
    return StackingRegressor(members, Ridge(), cv=3, n_jobs=1)
