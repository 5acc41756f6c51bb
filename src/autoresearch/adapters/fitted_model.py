"""A function of a script that is given data, as an estimator."""

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if


def _answers(name):
    return available_if(lambda self: hasattr(self.model_, name))


class ScriptModel(BaseEstimator):
    """What the script trains on the rows that it is given."""

    def fit(self, X, y):
        y = pd.Series(y, index=getattr(X, "index", None))
        self.model_ = script_model(X, y)
        return self

    def predict(self, X):
        return self.model_.predict(X)

    @_answers("predict_proba")
    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    @_answers("decision_function")
    def decision_function(self, X):
        return self.model_.decision_function(X)
