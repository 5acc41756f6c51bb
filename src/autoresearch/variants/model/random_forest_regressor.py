"""Random forest."""

from sklearn.ensemble import RandomForestRegressor

FAMILY = "bagging"
TASKS = ("regression",)


def build_model():
    """Build the estimator that ends the pipeline."""
    return RandomForestRegressor(n_estimators=200, min_samples_leaf=3, random_state=0)
