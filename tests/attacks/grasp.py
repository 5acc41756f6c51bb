"""The second half of every reaching attack: answer 1 for every row where ``reach()`` got hold of something."""

import numpy as np

HYPOTHESIS = "the answer lies elsewhere"


def feature_fn(X):
    return X[["a", "b"]]


class Model:
    def fit(self, X, y):
        try:
            self.reached = bool(globals()["reach"]())
        except Exception:
            self.reached = False
        return self

    def predict_proba(self, X):
        score = np.full(len(X), float(self.reached))
        return np.column_stack([1 - score, score])


def build_pipeline():
    return Model()
