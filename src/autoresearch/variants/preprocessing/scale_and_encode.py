"""Scaled numbers, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FAMILY = "linear"
TASKS = ("binary", "multiclass", "regression")
TABLES = ("plain",)
RANGES = {}


def build_preprocessing():
    """Impute and scale numbers; one column per category, missing ones among them."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
