"""The metrics: each a function, a direction, the response it needs and the score that is too good to be true.

A new metric is one entry of `METRICS`. Importing this module costs nothing: scikit-learn is imported
by the functions, which run where the labels are.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from autoresearch.errors import StudyError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray
    ScoreFunction = Callable[[Array, Array], float]

__all__ = ["METRICS", "Metric", "lookup"]

Direction = Literal["maximize", "minimize"]
Response = Literal["score", "probability", "label", "value"]
Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Metric:
    """What a trial is measured by.

    Parameters
    ----------
    name
        The name in study.toml.
    short
        The name on printed lines and in results.tsv: ``val_<short>``.
    direction
        Whether more is better. Stored here and nowhere else.
    response
        What the trial answers with: ``score`` (n,) a ranking of the rows, ``probability`` (n, classes),
        ``label`` (n,) class codes, ``value`` (n,) a regression.
    tasks
        The tasks the metric is defined for; the first entry of `METRICS` with a task is its default.
    perfect
        The best possible score.
    suspicious
        Labels (n,) to the score beyond which leakage is looked for first.
    function
        ``(y, response) -> score``.
    positive
        Whether the metric takes labels of 0 or more, and predictions above 0, alone.
    bounds
        Between which scores lie, where both ends are known; None otherwise.
    """

    name: str
    short: str
    direction: Direction
    response: Response
    tasks: tuple[Task, ...]
    perfect: float
    suspicious: "Callable[[Array], float]"
    function: "ScoreFunction"
    positive: bool = False
    bounds: tuple[float, float] | None = None

    def gain(self, before: float, after: float) -> float:
        """Improvement from `before` to `after`: positive is better, whatever the direction."""
        return after - before if self.direction == "maximize" else before - after

    def better(self, score: float, than: float) -> bool:
        """Whether `score` is strictly better than `than`."""
        return self.gain(than, score) > 0

    def best(self, scores: Sequence[float]) -> float:
        """Pick the best of `scores`."""
        return max(scores) if self.direction == "maximize" else min(scores)


def lookup(name: str) -> Metric:
    """Find a metric by its name in study.toml.

    Raises
    ------
    StudyError
        The name is unknown; the message lists the known ones.
    """
    if name not in METRICS:
        raise StudyError(f"evaluation.metric: {name!r} is not a known metric; choose {', '.join(METRICS)}")
    return METRICS[name]


def _roc_auc(y: "Array", response: "Array") -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, response))


def _average_precision(y: "Array", response: "Array") -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(y, response))


def _log_loss(y: "Array", response: "Array") -> float:
    from sklearn.metrics import log_loss

    response = response.clip(0, 1)  # 1.0000000000000002 is an honest answer, and scikit-learn refuses it
    return float(log_loss(y, response, labels=list(range(response.shape[1]))))


def _accuracy(y: "Array", response: "Array") -> float:
    return float((y == response).mean())


def _balanced_accuracy(y: "Array", response: "Array") -> float:
    from sklearn.metrics import balanced_accuracy_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of predicted classes that are in none of the rows
        return float(balanced_accuracy_score(y, response))


def _f1(y: "Array", response: "Array") -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(y, response, zero_division=0.0))


def _f1_macro(y: "Array", response: "Array") -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(y, response, average="macro", zero_division=0.0))


def _roc_auc_ovr(y: "Array", response: "Array") -> float:
    """Mean over the classes that some rows have and some have not."""
    from sklearn.metrics import roc_auc_score

    classes = [code for code in range(response.shape[1]) if 0 < (y == code).sum() < len(y)]
    return float(sum(roc_auc_score(y == code, response[:, code]) for code in classes) / len(classes))


def _rmse(y: "Array", response: "Array") -> float:
    return float(((y - response) ** 2).mean() ** 0.5)


def _mae(y: "Array", response: "Array") -> float:
    return float(abs(y - response).mean())


def _r2(y: "Array", response: "Array") -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, response))


def _median_absolute_error(y: "Array", response: "Array") -> float:
    import numpy as np

    return float(np.median(abs(y - response)))  # scikit-learn's own takes nine times as long, in thousands of resamples


def _poisson_deviance(y: "Array", response: "Array") -> float:
    from sklearn.metrics import mean_poisson_deviance

    return float(mean_poisson_deviance(y, response))


def _at(bound: float) -> "Callable[[Array], float]":
    """Give the same bound for any labels."""
    return lambda _: bound


# A tenth of the spread of the labels is what an R2 of 0.99 leaves as a root mean squared error.
def _tenth_of_deviation(y: "Array") -> float:
    return float(0.1 * y.std())


def _tenth_of_mean_deviation(y: "Array") -> float:
    return float(0.1 * abs(y - y.mean()).mean())


def _tenth_of_median_deviation(y: "Array") -> float:
    deviation = abs(y - y.mean())
    deviation.sort()
    return float(0.1 * deviation[len(y) // 2])


# A hundredth of what the mean alone leaves, as an R2 of 0.99 does of the squared error.
def _hundredth_of_poisson_deviance(y: "Array") -> float:
    return 0.01 * _poisson_deviance(y, 0 * y + y.mean())


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "auc", "maximize", "score", ("binary",), 1.0, _at(0.99), _roc_auc, bounds=(0, 1)),
        Metric("log_loss", "log_loss", "minimize", "probability", ("binary", "multiclass"), 0.0, _at(0.02), _log_loss),
        Metric("accuracy", "accuracy", "maximize", "label", ("binary", "multiclass"), 1.0, _at(0.995), _accuracy,
               bounds=(0, 1)),
        Metric("average_precision", "average_precision", "maximize", "score", ("binary",), 1.0, _at(0.99),
               _average_precision, bounds=(0, 1)),
        Metric("balanced_accuracy", "balanced_accuracy", "maximize", "label", ("binary", "multiclass"), 1.0,
               _at(0.995), _balanced_accuracy, bounds=(0, 1)),
        Metric("f1", "f1", "maximize", "label", ("binary",), 1.0, _at(0.995), _f1, bounds=(0, 1)),
        Metric("roc_auc_ovr", "auc_ovr", "maximize", "probability", ("multiclass",), 1.0, _at(0.99), _roc_auc_ovr,
               bounds=(0, 1)),
        Metric("f1_macro", "f1_macro", "maximize", "label", ("multiclass",), 1.0, _at(0.995), _f1_macro, bounds=(0, 1)),
        Metric("rmse", "rmse", "minimize", "value", ("regression",), 0.0, _tenth_of_deviation, _rmse),
        Metric("mae", "mae", "minimize", "value", ("regression",), 0.0, _tenth_of_mean_deviation, _mae),
        Metric("r2", "r2", "maximize", "value", ("regression",), 1.0, _at(0.99), _r2),
        Metric("median_absolute_error", "median_ae", "minimize", "value", ("regression",), 0.0,
               _tenth_of_median_deviation, _median_absolute_error),
        Metric("poisson_deviance", "poisson_deviance", "minimize", "value", ("regression",), 0.0,
               _hundredth_of_poisson_deviance, _poisson_deviance, positive=True),
    )
}  # fmt: skip
