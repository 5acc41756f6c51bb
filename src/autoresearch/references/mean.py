"""The mean of the training rows, for every row."""

from sklearn.dummy import DummyRegressor

HYPOTHESIS = "mean: that of the training rows, for every row"


def feature_fn(X):
    """Leave the columns as they are: nothing looks at them."""
    return X


def build_pipeline():
    """Build a fresh, unfitted estimator."""
    return DummyRegressor()
