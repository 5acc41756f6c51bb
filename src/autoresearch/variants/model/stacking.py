"""Stacked linear model, boosting and randomised trees."""

from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression

FAMILY = "stacking"
TASKS = ("binary", "multiclass")
PACE = "slow"
RANGES = {"min_samples_leaf": (1, 20, "log int"), "learning_rate": (0.01, 0.3, "log")}


def build_model():
    """Build the estimator that ends the pipeline."""
    members = [
        ("linear", LogisticRegression(max_iter=1000)),
        ("boosting", HistGradientBoostingClassifier(learning_rate=0.05, max_iter=60, random_state=0)),
        ("trees", ExtraTreesClassifier(min_samples_leaf=3, n_jobs=1, random_state=0)),
    ]
    return StackingClassifier(members, LogisticRegression(), cv=3, n_jobs=1)
