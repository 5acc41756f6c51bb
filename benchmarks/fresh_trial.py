"""One trial as a plain script does it: import everything, read the table, fit 25 folds, print the mean AUC."""

import sys

import numpy as np
import pandas as pd
from candidate import build_pipeline, feature_fn
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

table = pd.read_parquet(sys.argv[1])
y = table.pop("target").to_numpy()
scores = []
for train, valid in RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=42).split(table, y):
    model = build_pipeline().fit(feature_fn(table.iloc[train]), y[train])
    scores.append(roc_auc_score(y[valid], model.predict_proba(feature_fn(table.iloc[valid]))[:, 1]))
print(np.mean(scores))
