import lightgbm as lgb
import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold

PARAMS = {
    "n_estimators": 60,
    "num_leaves": 7,
    "learning_rate": 0.05,
}
PARAMS["verbose"] = -1
MISSING_AS_ZERO = ["glucose", "pressure", "skin", "insulin", "bmi"]


def read_table():
    return pd.read_csv("pima.csv")


def preprocess(data):
    out = data.copy()
    for column in MISSING_AS_ZERO:
        out[column] = out[column].fillna(out[column].mean()).where(out[column] > 0)
    return out


def train(X_train, y_train):
    model = lgb.LGBMClassifier(random_state=0, **PARAMS)
    model.fit(X_train, y_train)
    return model


def cross_validate_model(X, y):
    scores = []
    for rows, held in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        model = train(X.iloc[rows], y.iloc[rows])
        scores.append(accuracy_score(y.iloc[held], model.predict(X.iloc[held])))
    return sum(scores) / len(scores)


if __name__ == "__main__":
    table = read_table()
    labels = table.pop("class")
    print("accuracy", round(cross_validate_model(preprocess(table), labels), 4))
