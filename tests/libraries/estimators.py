"""Estimators by name, over the numbers of the table."""

from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

NAME = ""


def lightgbm():
    from lightgbm import LGBMClassifier

    return LGBMClassifier()


def xgboost():
    from xgboost import XGBClassifier

    return XGBClassifier()


def flaml():
    from flaml import AutoML

    class Boxed(AutoML):
        def fit(self, X, y):
            settings = {"task": "classification", "metric": "roc_auc", "verbose": 0, "seed": 1}
            return super().fit(X_train=X, y_train=y, time_budget=3, **settings)

    return Boxed()


def flaml_zero_shot():
    from flaml.default import LGBMClassifier

    return LGBMClassifier()


MODELS = {
    "forest": lambda: RandomForestClassifier(20, n_jobs=2, random_state=0),
    "extra trees on all cores": lambda: ExtraTreesClassifier(20, n_jobs=-1, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier,
    "neighbours": lambda: KNeighborsClassifier(n_jobs=2),
    "support vectors": lambda: SVC(probability=False),
    "grid on one job": lambda: GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_jobs=1),
    "regularisation path": lambda: LogisticRegressionCV(Cs=3, cv=3, n_jobs=2),
    "stack": lambda: StackingClassifier([("knn", KNeighborsClassifier()), ("lr", LogisticRegression())], n_jobs=2),
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "flaml": flaml,
    "flaml zero-shot": flaml_zero_shot,
}


def feature_fn(X):
    return X[["a", "b"]]


def build_pipeline():
    return MODELS[NAME]()
