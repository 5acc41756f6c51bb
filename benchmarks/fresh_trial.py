"""One trial as a plain script: import everything, read the table, fit 5 folds (5 times), print the mean AUC."""

import sys

import numpy as np
import pandas as pd
from candidate import build_pipeline, feature_fn
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

table = pd.read_parquet(sys.argv[1])
y = table.pop("target").to_numpy()
scores = []
repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
for train, valid in RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=42).split(table, y):
    model = build_pipeline().fit(feature_fn(table.iloc[train]), y[train])
    scores.append(roc_auc_score(y[valid], model.predict_proba(feature_fn(table.iloc[valid]))[:, 1]))
print(np.mean(scores))
