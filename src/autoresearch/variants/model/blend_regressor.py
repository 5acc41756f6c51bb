"""Mean of a linear model, boosting and randomised trees."""

from lightgbm import LGBMRegressor
from sklearn.ensemble import ExtraTreesRegressor, VotingRegressor
from sklearn.linear_model import Ridge

FAMILY = "stacking"
TASKS = ("regression",)
PACE = "first"
RANGES = {"alpha": (0.1, 10000.0, "log"), "num_leaves": (3, 64, "log int"), "min_samples_leaf": (1, 20, "log int")}


def build_model():
    """Build the estimator that ends the pipeline."""
    members = [
        ("linear", Ridge(alpha=10.0)),
        ("boosting", LGBMRegressor(num_leaves=5, learning_rate=0.05, n_jobs=1, random_state=0, verbose=-1)),
        ("trees", ExtraTreesRegressor(min_samples_leaf=3, n_jobs=1, random_state=0)),
    ]
    return VotingRegressor(members, n_jobs=1)
