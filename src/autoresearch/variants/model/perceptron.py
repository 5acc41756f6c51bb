"""Multilayer perceptron."""

from sklearn.neural_network import MLPClassifier

FAMILY = "neural"
TASKS = ("binary", "multiclass")
PACE = "slow"
RANGES = {
    "hidden_layer_sizes": [16, 32, 64, (32, 16)],
    "alpha": (0.0001, 10.0, "log"),
    "learning_rate_init": (0.001, 0.03, "log"),
}


def build_model():
    """Build the estimator that ends the pipeline."""
    return MLPClassifier(
        hidden_layer_sizes=32,
        alpha=0.1,
        learning_rate_init=0.005,
        early_stopping=True,
        random_state=0,
    )
