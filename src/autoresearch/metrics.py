"""The metrics: each a function, a direction, the response it needs and the score that is too good to be true.

A new metric is one entry of `METRICS`. Importing this module costs nothing: scikit-learn is imported
by the functions, which run where the labels are.
"""

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


def _rmse(y: "Array", response: "Array") -> float:
    return float(((y - response) ** 2).mean() ** 0.5)


def _mae(y: "Array", response: "Array") -> float:
    return float(abs(y - response).mean())


def _r2(y: "Array", response: "Array") -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, response))


def _at(bound: float) -> "Callable[[Array], float]":
    """Give the same bound for any labels."""
    return lambda _: bound


# A tenth of the spread of the labels is what an R2 of 0.99 leaves as a root mean squared error.
def _tenth_of_deviation(y: "Array") -> float:
    return float(0.1 * y.std())


def _tenth_of_mean_deviation(y: "Array") -> float:
    return float(0.1 * abs(y - y.mean()).mean())


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "auc", "maximize", "score", ("binary",), 1.0, _at(0.99), _roc_auc, (0, 1)),
        Metric("log_loss", "log_loss", "minimize", "probability", ("binary", "multiclass"), 0.0, _at(0.02), _log_loss),
        Metric("accuracy", "accuracy", "maximize", "label", ("binary", "multiclass"), 1.0, _at(0.995), _accuracy,
               (0, 1)),
        Metric("average_precision", "average_precision", "maximize", "score", ("binary",), 1.0, _at(0.99),
               _average_precision, (0, 1)),
        Metric("rmse", "rmse", "minimize", "value", ("regression",), 0.0, _tenth_of_deviation, _rmse),
        Metric("mae", "mae", "minimize", "value", ("regression",), 0.0, _tenth_of_mean_deviation, _mae),
        Metric("r2", "r2", "maximize", "value", ("regression",), 1.0, _at(0.99), _r2),
    )
}  # fmt: skip
