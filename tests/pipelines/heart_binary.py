#!/usr/bin/env python
"""Heart disease: does the patient have it?"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

DATA = Path(__file__).parent / "heart.csv"
TARGET = "target"
# what a stress test measures
NUMERIC = ["age", "trestbps", "chol", "thalach", "oldpeak", "pulse_reserve", "chol_per_age"]


def load_data():
    """Read the table."""
    df = pd.read_csv(DATA)
    return df.drop(columns=[TARGET]), df[TARGET]


# An expected heart rate is 220 - age.
def engineer_features(X):
    X = X.copy()
    X["pulse_reserve"] = 220 - X["age"] - X["thalach"]  # beats per minute
    X["chol_per_age"] = np.log1p(X["chol"]) / X["age"]
    return X


def build_model(n_estimators=100):
    numbers = Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    columns = ColumnTransformer([("numbers", numbers, NUMERIC)])
    forest = RandomForestClassifier(n_estimators=n_estimators, min_samples_leaf=5, random_state=0)
    return Pipeline([("columns", columns), ("forest", forest)])


def evaluate(model, X, y):
    return roc_auc_score(y, model.predict_proba(X)[:, 1])


def main():
    X, y = load_data()
    X = engineer_features(X)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
    model = build_model(n_estimators=40)
    model.fit(X_train, y_train)
    print(f"AUC: {evaluate(model, X_test, y_test):.4f}")


if __name__ == "__main__":
    main()
