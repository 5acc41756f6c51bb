"""Multilayer perceptron."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

FAMILY = "neural"
TASKS = ("regression",)
PACE = "slow"
RANGES = {
    "hidden_layer_sizes": [16, 32, 64, (32, 16)],
    "alpha": (0.0001, 10.0, "log"),
    "learning_rate_init": (0.001, 0.03, "log"),
}


def build_model():
    """Build the estimator that ends the pipeline."""
    perceptron = MLPRegressor(
        hidden_layer_sizes=32,
        alpha=0.1,
        learning_rate_init=0.005,
        early_stopping=True,
        random_state=0,
    )
    return TransformedTargetRegressor(perceptron, transformer=StandardScaler())
