"""XGBoost, shallow trees."""

from xgboost import XGBClassifier

FAMILY = "boosting"
TASKS = ("binary", "multiclass")
PACE = "first"
RANGES = {
    "n_estimators": (50, 500, "log int"),
    "max_depth": (2, 8, "int"),
    "learning_rate": (0.01, 0.3, "log"),
    "subsample": (0.5, 1.0, "float"),
    "min_child_weight": (1.0, 30.0, "log"),
}


def build_model():
    """Build the estimator that ends the pipeline."""
    return XGBClassifier(
        n_estimators=150,
        max_depth=3,
        learning_rate=0.05,
        subsample=0.8,
        min_child_weight=1.0,
        n_jobs=1,
        random_state=0,
    )
