"""Linear discriminant analysis, shrunken."""

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

FAMILY = "discriminant"
TASKS = ("binary", "multiclass")
RANGES = {"shrinkage": (0.0, 1.0, "float")}


def build_model():
    """Build the estimator that ends the pipeline."""
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
