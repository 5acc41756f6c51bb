"""Numbers scaled by their middle half, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler

FAMILY = "linear"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}


def build_preprocessing():
    """Impute numbers and scale them so that outliers count for little."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), RobustScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
