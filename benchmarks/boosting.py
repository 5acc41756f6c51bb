"""The train.py of benchmarks/size.py: gradient boosting over whatever columns there are."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

HYPOTHESIS = "gradient boosting"


def feature_fn(X):
    """Give the columns as they are."""
    return X


def build_pipeline():
    """Number the texts; boost."""
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((texts, make_column_selector(dtype_exclude="number")), remainder="passthrough")
    return make_pipeline(columns, HistGradientBoostingClassifier(early_stopping=False, random_state=0))
