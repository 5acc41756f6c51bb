import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import cross_val_score

df = pd.read_csv("heart.csv")
X, y = df.drop(columns="target").fillna(0), df["target"]
model = GradientBoostingClassifier(
    n_estimators=50,
    random_state=0,
)
print(cross_val_score(model, X, y, scoring="roc_auc").mean())
