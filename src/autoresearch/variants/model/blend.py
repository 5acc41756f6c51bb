"""Mean of a linear model, boosting and randomised trees."""

from lightgbm import LGBMClassifier
from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

FAMILY = "stacking"
TASKS = ("binary", "multiclass")
PACE = "first"
RANGES = {"C": (0.001, 10.0, "log"), "num_leaves": (3, 64, "log int"), "min_samples_leaf": (1, 20, "log int")}


def build_model():
    """Build the estimator that ends the pipeline."""
    members = [
        ("linear", LogisticRegression(C=0.1, max_iter=1000)),
        ("boosting", LGBMClassifier(num_leaves=5, learning_rate=0.05, n_jobs=1, random_state=0, verbose=-1)),
        ("trees", ExtraTreesClassifier(min_samples_leaf=3, n_jobs=1, random_state=0)),
    ]
    return VotingClassifier(members, voting="soft", n_jobs=1)
