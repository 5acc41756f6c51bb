"""Answer the own process number, after forking some."""

import os

import numpy as np


def feature_fn(X):
    return X[["a", "b"]]


class Model:
    def fit(self, X, y):
        self.number = os.getpid()
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        return self

    def predict_proba(self, X):
        return np.tile([0.0, float(self.number)], (len(X), 1))


def build_pipeline():
    return Model()
