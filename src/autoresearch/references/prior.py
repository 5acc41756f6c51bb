"""The classes' shares in the training rows, for every row."""

from sklearn.dummy import DummyClassifier

HYPOTHESIS = "majority: the classes' shares, for every row"


def feature_fn(X):
    """Leave the columns as they are: nothing looks at them."""
    return X


def build_pipeline():
    """Build a fresh, unfitted estimator."""
    return DummyClassifier(strategy="prior")
