"""Models whose 25 cross-validation fits cost as much as one: all folds at once, by sums over rows.

Three kinds: ridge (also on 0/1 labels), Gaussian naive Bayes, a kernel smoother. They stand for what an editor
tries; the statistics under test see fold scores and responses only.
"""

from dataclasses import dataclass

import numpy as np

from autoresearch.metrics import METRICS

__all__ = ["FUNCTIONS", "KINDS", "STRENGTHS", "Models", "Version"]

KINDS = {"binary": ("ridge", "kernel", "bayes"), "regression": ("ridge", "kernel")}
STRENGTHS = 6  # steps of the penalty, the bandwidth, the smoothing of variances


@dataclass(frozen=True)
class Version:
    """What one train.py would say: columns, model kind, strength of its regularisation."""

    columns: frozenset[int]
    kind: str
    strength: int


def _auc(y: np.ndarray, response: np.ndarray) -> float:
    """Area under the ROC curve by sorting the negatives; ties count half."""
    positive, negative = response[y == 1], np.sort(response[y == 0])
    wins = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return float(wins.mean() / (2 * len(negative)))


FUNCTIONS = {"roc_auc": _auc, "accuracy": METRICS["accuracy"].function, "rmse": METRICS["rmse"].function}


class Models:
    """The fits of a version on every fold's training rows and, last, on all rows.

    Parameters
    ----------
    X
        Training rows, shape (n, p), the intercept first.
    y
        Labels, shape (n,).
    folds
        Fold of each row in each repeat, shape (repeats, n).
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, folds: np.ndarray) -> None:
        self.X, self.y = X, y
        count = folds.max() + 1
        out = [folds[r] == k for r in range(len(folds)) for k in range(count)]
        self.trains = ~np.column_stack([*out, np.zeros(len(y), bool)])
        self._grams = np.stack([X.T @ X] * self.trains.shape[1])
        for i, rows in enumerate(out):
            self._grams[i] -= X[rows].T @ X[rows]
        self._moments = (X * y[:, None]).T @ self.trains

    def responses(self, version: Version, X: np.ndarray) -> np.ndarray:
        """Answer for rows `X` (m, p) by every fit: shape (m, fits)."""
        columns = sorted(version.columns)
        fit = {"ridge": self._ridge, "bayes": self._bayes, "kernel": self._kernel}[version.kind]
        return fit(columns, version.strength, X)

    def _ridge(self, columns: list[int], strength: int, X: np.ndarray) -> np.ndarray:
        chosen = [0, *columns]
        penalty = np.full(len(chosen), 10.0 ** (strength - 1))
        penalty[0] = 1e-9
        grams = self._grams[:, chosen][:, :, chosen] + np.diag(penalty)
        weights = np.linalg.solve(grams, self._moments[chosen].T[:, :, None])[:, :, 0]
        return X[:, chosen] @ weights.T

    def _bayes(self, columns: list[int], strength: int, X: np.ndarray) -> np.ndarray:
        train, new = self.X[:, columns], X[:, columns]
        response = np.full((len(X), self.trains.shape[1]), 0.5)  # above one half means class 1, as for the other kinds
        for label, sign in ((1, 1.0), (0, -1.0)):
            rows = self.y == label
            number = self.trains[rows].sum(axis=0)
            mean = train[rows].T @ self.trains[rows] / number
            variance = (train[rows] ** 2).T @ self.trains[rows] / number - mean**2 + 10.0 ** (strength - 4)
            constant = (mean**2 / variance + np.log(variance)).sum(axis=0)
            response -= 0.5 * sign * (new**2 @ (1 / variance) - 2 * new @ (mean / variance) + constant)
        return response

    def _kernel(self, columns: list[int], strength: int, X: np.ndarray) -> np.ndarray:
        train, new = self.X[:, columns].astype(np.float32), X[:, columns].astype(np.float32)
        distances = new @ (-2 * train.T)
        distances += (train**2).sum(axis=1)
        distances += (new**2).sum(axis=1)[:, None]
        distances *= -(2.0 ** (2 - strength)) / len(columns)
        weights = np.exp(np.maximum(distances, -60, out=distances), out=distances)
        trains = self.trains.astype(np.float32)
        both = weights @ np.hstack([trains * self.y[:, None].astype(np.float32), trains])
        half = trains.shape[1]
        return (both[:, :half] / both[:, half:]).astype(float)
