"""An honest model that knows nothing."""

import numpy as np


def feature_fn(X):
    return X[["a", "b"]]


class Model:
    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def build_pipeline():
    return Model()
