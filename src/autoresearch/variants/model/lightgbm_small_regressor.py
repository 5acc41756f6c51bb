"""LightGBM, few leaves and slow learning."""

from lightgbm import LGBMRegressor

FAMILY = "boosting"
TASKS = ("regression",)
RANGES = {
    "n_estimators": (50, 500, "log int"),
    "num_leaves": (3, 64, "log int"),
    "learning_rate": (0.01, 0.3, "log"),
    "min_child_samples": (5, 60, "log int"),
    "colsample_bytree": (0.3, 1.0, "float"),
}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LGBMRegressor(
        n_estimators=150,
        num_leaves=5,
        learning_rate=0.03,
        min_child_samples=20,
        colsample_bytree=1.0,
        n_jobs=1,
        random_state=0,
        verbose=-1,
    )
