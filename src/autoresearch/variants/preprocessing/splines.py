"""Numbers as splines, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

FAMILY = "splines"
TASKS = ("binary", "multiclass", "regression")
PACE = "first"
RANGES = {"n_knots": (3, 8, "int"), "degree": [1, 2, 3]}


def build_preprocessing():
    """Impute numbers and expand each into a few smooth pieces."""
    splines = SplineTransformer(n_knots=3, degree=2)
    numbers = make_pipeline(SimpleImputer(strategy="median"), splines, StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
