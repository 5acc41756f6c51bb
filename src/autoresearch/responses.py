"""What folds' answers have to be to count: each a prediction, all of a repeat there. Pure: arrays in, words out."""

import numpy as np

from autoresearch.metrics import Metric

__all__ = ["complete_repeats", "problem"]

ROUNDING = 1e-6  # by which a probability may leave 0 to 1: a sum of floats does


def problem(classes: int, metric: Metric, answer: np.ndarray, rows: int) -> str | None:
    """What is wrong with an answer as a prediction for so many rows; None when nothing is."""
    wanted = (rows, classes) if metric.response == "probability" else (rows,)
    if answer.shape != wanted:
        return f"train.py: predictions have shape {answer.shape} where {wanted} is wanted"
    if bad := int((~np.isfinite(answer)).sum()):
        return f"train.py: {bad} of {answer.size} predictions are nan or infinite; impute, or clip them"
    if metric.positive and (low := int((answer <= 0).sum())):
        return f"train.py: {low} of {answer.size} predictions are not above 0, which this metric needs"
    if metric.response == "label" and not np.isin(answer, np.arange(classes)).all():
        return f"train.py: predicted labels are not the class codes 0 to {classes - 1} it was trained on"
    if metric.response == "probability" and (answer.min() < -ROUNDING or answer.max() > 1 + ROUNDING):
        return "train.py: predicted probabilities lie outside 0 to 1"
    if metric.response == "probability" and not np.allclose(answer.sum(axis=1), 1, atol=1e-3):
        return "train.py: predicted probabilities do not sum to 1 in each row"
    return None


def complete_repeats(answers: dict[tuple[int, int], np.ndarray], folds: int, repeats: int) -> int:
    """How many repeats, from the first on, have all their folds."""
    done = 0
    while done < repeats and all((done, fold) in answers for fold in range(folds)):
        done += 1
    return done
