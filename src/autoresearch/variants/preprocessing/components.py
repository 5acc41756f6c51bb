"""Principal components of all columns."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FAMILY = "components"
TASKS = ("binary", "multiclass", "regression")
PACE = "late"
RANGES = {"n_components": (0.5, 0.99, "float")}


def build_preprocessing():
    """Impute, scale and encode, then turn to the axes that hold most of the variance."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, PCA(n_components=0.95, svd_solver="full"), StandardScaler())
