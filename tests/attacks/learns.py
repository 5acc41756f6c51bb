"""An honest model that learns what there is to learn."""

from sklearn.linear_model import LogisticRegression


def feature_fn(X):
    return X[["a", "b"]]


def build_pipeline():
    return LogisticRegression()
