"""Random forest."""

from sklearn.ensemble import RandomForestClassifier

FAMILY = "bagging"
TASKS = ("binary", "multiclass")


def build_model():
    """Build the estimator that ends the pipeline."""
    return RandomForestClassifier(n_estimators=200, min_samples_leaf=3, random_state=0)
