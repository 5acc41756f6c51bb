"""Numbers in bins, one-hot categories."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

FAMILY = "bins"
TASKS = ("binary", "multiclass", "regression")
PACE = "late"
RANGES = {"n_bins": (3, 20, "log int")}


def build_preprocessing():
    """Impute numbers and cut each into bins of equally many rows."""
    bins = KBinsDiscretizer(n_bins=6, encode="onehot-dense", quantile_method="averaged_inverted_cdf", random_state=0)
    numbers = make_pipeline(SimpleImputer(strategy="median"), bins)
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
