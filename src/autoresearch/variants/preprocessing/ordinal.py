"""Numbers as they are, categories as ordinal codes."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OrdinalEncoder

FAMILY = "plain"
TASKS = ("binary", "multiclass", "regression")
RANGES = {}


def build_preprocessing():
    """Impute numbers; code categories, unknown and missing ones as -1."""
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    return make_column_transformer(
        (SimpleImputer(strategy="median"), make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
