"""The half of the columns that tells most."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_selection import SelectPercentile, f_classif
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FAMILY = "selection"
TASKS = ("binary", "multiclass")
RANGES = {"percentile": (10, 90, "int")}


def build_preprocessing():
    """Impute, scale and encode, then keep the columns with the largest F statistic."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, SelectPercentile(f_classif, percentile=50))
