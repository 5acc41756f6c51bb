"""Numbers by their quantiles, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

FAMILY = "rank"
TASKS = ("binary", "multiclass", "regression")
PACE = "first"
RANGES = {"n_quantiles": (10, 200, "log int"), "output_distribution": ["normal", "uniform"]}


def build_preprocessing():
    """Impute numbers and map them to a normal distribution by rank."""
    quantiles = QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=0)
    numbers = make_pipeline(SimpleImputer(strategy="median"), quantiles)
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
