"""Imports made ahead of the fork, so that no fold pays for them."""

import contextlib
import importlib.util
import os
import sysconfig

__all__ = ["WARM", "preload", "preload_all", "rehearse"]

WARM = (
    "pandas", "sklearn.pipeline", "sklearn.compose", "sklearn.impute", "sklearn.preprocessing", "sklearn.linear_model",
    "sklearn.ensemble", "sklearn.model_selection", "lightgbm",
)  # fmt: skip
PRELOADED = frozenset(
    {
        "catboost", "category_encoders", "feature_engine", "flaml", "imblearn", "joblib", "lightgbm", "matplotlib",
        "numpy", "pandas", "scipy", "skimage", "sklearn", "sklego", "skrub", "statsmodels", "torch", "xgboost",
    }
)  # fmt: skip
SIDE_EFFECTS = frozenset({"__main__", "conftest", "datasets", "experimental", "pyplot", "test", "testing", "tests"})


def preload(modules: "list[str] | tuple[str, ...]") -> None:
    """Import installed modules ahead of the fork; what cannot be imported is the child's to report.

    What a cell imports stays for its later trials, and it is not confined: only packages that are known to do
    nothing but define things are imported here, and none of their tests, which load data sets.
    """
    for name in modules:
        parts = name.split(".")
        if parts[0] in PRELOADED and not SIDE_EFFECTS.intersection(parts):
            with contextlib.suppress(Exception):
                __import__(name)


def preload_all(modules: list[str]) -> None:
    """Import what train.py names and is installed, in a stem whose data sets are masked: once a trial, not a fold."""
    homes = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("purelib", "platlib"))
    for name in modules:
        with contextlib.suppress(BaseException):  # a module may exit
            spec = importlib.util.find_spec(name.partition(".")[0])
            if spec and spec.origin and spec.origin.startswith(homes) and "__main__" not in name:
                __import__(name)


def rehearse() -> None:
    """Fit a scaler and an encoder on two rows: scikit-learn imports a dozen modules at the first table it sees.

    Nothing here may open an OpenMP region: children of a process that did hang.
    """
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = pd.DataFrame({"a": [0.0, 1.0], "b": ["x", "y"]})
    make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b"])).fit_transform(table)
