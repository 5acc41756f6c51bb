"""Numbers made symmetric by a power, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer

FAMILY = "power"
TASKS = ("binary", "multiclass", "regression")
PACE = "first"
RANGES = {}


def build_preprocessing():
    """Impute numbers and bring each nearer to a normal distribution (Yeo and Johnson)."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), PowerTransformer())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
