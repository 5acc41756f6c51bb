"""What a fold's process is told, with its rows in an order that neither train.py nor the process knows."""

import numpy as np

from autoresearch.fold import FoldTask
from autoresearch.matrix import Matrix
from autoresearch.metrics import Response
from autoresearch.splits import Split

__all__ = ["Message", "message"]

Message = tuple[FoldTask, np.ndarray]
"""A fold's message, and the order in which it holds the validation rows."""


def message(
    source: str, split: Split, y: np.ndarray, matrix: Matrix, seed: int, response: Response, classes: int
) -> Message:
    """Point a fold at its rows of the shared features.

    Parameters
    ----------
    split
        Positions in the table of which `y`, shape (n,), holds the labels.
    seed
        Draws the order of the rows, together with the fold's number.
    """
    rng = np.random.default_rng([seed, split.repeat, split.fold])
    train, order = rng.permutation(split.train), rng.permutation(len(split.valid))
    if matrix.apart:  # in the secret order in which the rows lie: the fold needs no copy of them
        train, order = split.train[matrix.order(split.train)], matrix.order(split.valid)
    task = FoldTask(
        key=(split.repeat, split.fold),
        source=source,
        rows_train=matrix.position[train],
        y_train=y[train],
        rows_valid=matrix.position[split.valid[order]],
        response=response,
        classes=classes,
    )
    return task, order
