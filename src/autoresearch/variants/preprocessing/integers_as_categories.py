"""Whole numbers as categories beside the scaled numbers."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FAMILY = "categories"
TASKS = ("binary", "multiclass", "regression")
RANGES = {"max_categories": (4, 40, "log int")}


def build_preprocessing():
    """Impute and scale numbers; one column per frequent whole number, as for a category."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=12, sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="floating")),
    )
