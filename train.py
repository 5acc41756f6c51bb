"""The model under study. The coding agent edits this file, and this file alone, in every iteration."""

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HYPOTHESIS = "baseline: scaled logistic regression"


def feature_fn(X):
    """Derive features row by row; anything fitted belongs into build_pipeline."""
    return X


def build_pipeline():
    """Build a fresh, unfitted estimator."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore")
    preprocessing = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    model = LogisticRegression(max_iter=1000)
    return make_pipeline(preprocessing, model)


if __name__ == "__main__":
    from prepare import evaluate

    evaluate(__file__)
