"""Candidates in one warm process by `cross_val_score`; prints trials per second. Isolates nothing, records nothing.

python benchmarks/warm_loop.py TABLE JOBS FOLDS FOLDER_OF_CANDIDATES
"""

import importlib.util
import sys
import time
from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

path, jobs, folds, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
rows = pd.read_parquet(path)
y = rows.pop("target").to_numpy()
pipelines = []
for number in range(len(list(folder.glob("candidate_*.py")))):
    spec = importlib.util.spec_from_file_location(f"candidate_{number}", folder / f"candidate_{number}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    pipelines.append(make_pipeline(FunctionTransformer(module.feature_fn), module.build_pipeline()))
sys.path.insert(0, str(folder))  # for the processes of joblib
dealt = StratifiedKFold(folds, shuffle=True, random_state=42)
cross_val_score(pipelines[0], rows, y, cv=dealt, scoring="roc_auc", n_jobs=jobs)
started = time.perf_counter()
for pipeline in pipelines:
    cross_val_score(pipeline, rows, y, cv=dealt, scoring="roc_auc", n_jobs=jobs)
print(len(pipelines) / (time.perf_counter() - started))
