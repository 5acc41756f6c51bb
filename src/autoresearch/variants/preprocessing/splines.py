"""Numbers as splines, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

FAMILY = "splines"
TASKS = ("binary", "multiclass", "regression")


def build_preprocessing():
    """Impute numbers and expand each into quadratic splines with three knots."""
    splines = SplineTransformer(n_knots=3, degree=2)
    numbers = make_pipeline(SimpleImputer(strategy="median"), splines, StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
