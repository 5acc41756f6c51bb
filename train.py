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


def build_preprocessing():
    """Impute and scale numbers; one column per category, missing ones among them."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )


def build_model():
    """Build the estimator that ends the pipeline."""
    return LogisticRegression(max_iter=1000)


def build_pipeline():
    """Build a fresh, unfitted estimator."""
    return make_pipeline(build_preprocessing(), build_model())


if __name__ == "__main__":
    from prepare import evaluate

    evaluate(__file__)
