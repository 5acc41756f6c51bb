"""Features of a script that look at one row at a time."""


def feature_fn(X):
    """Derive features row by row, as the script does."""
    return script_features(X)
