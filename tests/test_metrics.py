"""The metrics: orientation, perfection, independence of the order of rows."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from autoresearch.errors import StudyError
from autoresearch.metrics import METRICS, Metric, lookup


def example(metric: Metric, rng: np.random.Generator, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Labels and a middling response in the form that the metric takes."""
    if metric.response == "value":
        y, response = rng.standard_normal(n), rng.standard_normal(n)
        return (np.exp(y), np.exp(y + response)) if metric.positive else (y, y + response)
    y = np.arange(n) % 2
    score = np.clip(0.3 * y + 0.5 * rng.random(n) + 0.1, 0, 1)
    responses = {"score": score, "label": (score > 0.5).astype(int), "probability": np.column_stack([1 - score, score])}
    return y, responses[metric.response]


def perfect(metric: Metric, y: np.ndarray) -> np.ndarray:
    """The response that cannot be bettered."""
    return np.eye(int(y.max()) + 1)[y] if metric.response == "probability" else y


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
class TestEveryMetric:
    def test_does_not_depend_on_row_order(self, metric: Metric):
        """The order of the rows is no information."""
        rng = np.random.default_rng(1)
        y, response = example(metric, rng)
        order = rng.permutation(len(y))
        assert metric.function(y[order], response[order]) == pytest.approx(metric.function(y, response), abs=1e-12)

    def test_perfect_response_scores_perfect(self, metric: Metric):
        """The stated best score is what a perfect response gets, and it is suspicious."""
        y, response = example(metric, np.random.default_rng(2))
        best = metric.function(y, perfect(metric, y))
        assert best == pytest.approx(metric.perfect, abs=1e-12)
        assert metric.better(best, metric.suspicious(y))
        assert metric.better(best, metric.function(y, response))

    def test_middling_response_is_not_suspicious(self, metric: Metric):
        """An ordinary score does not raise the alarm."""
        y, response = example(metric, np.random.default_rng(3))
        assert not metric.better(metric.function(y, response), metric.suspicious(y))

    def test_gain_is_antisymmetric(self, metric: Metric):
        """Going back costs what going there gained, and standing still gains nothing."""
        assert metric.gain(0.2, 0.7) == -metric.gain(0.7, 0.2)
        assert metric.gain(0.4, 0.4) == 0
        assert not metric.better(0.4, 0.4)

    def test_best_cannot_be_bettered(self, metric: Metric):
        """The best of several scores is the one that none of them beats."""
        scores = [0.3, 0.9, 0.1, 0.5]
        assert not any(metric.better(score, metric.best(scores)) for score in scores)

    def test_lookup_finds_it_by_its_key(self, metric: Metric):
        """A metric's key in the registry is its name."""
        assert lookup(metric.name) is metric

    def test_score_is_a_plain_float(self, metric: Metric):
        """Scores go into the ledger as plain numbers."""
        assert type(metric.function(*example(metric, np.random.default_rng(4)))) is float


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_flipping_direction_and_signs_keeps_the_gain(before: float, after: float):
    """A score to maximize and its negative to minimize gain the same."""
    up = METRICS["r2"]
    down = replace(up, direction="minimize")
    assert up.gain(before, after) == down.gain(-before, -after)


def test_shown_examples():
    """Figures computed by hand."""
    y = np.array([0, 0, 1, 1])
    assert METRICS["roc_auc"].function(y, np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert METRICS["accuracy"].function(y, np.array([0, 1, 1, 1])) == 0.75
    assert METRICS["rmse"].function(np.array([0.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(12.5**0.5)
    assert METRICS["mae"].function(np.array([0.0, 0.0]), np.array([3.0, -4.0])) == 3.5
    assert METRICS["f1"].function(y, np.array([0, 1, 1, 1])) == 0.8
    assert METRICS["median_absolute_error"].function(np.zeros(3), np.array([3.0, -4.0, 9.0])) == 4
    halves = np.full((4, 2), 0.5)
    assert METRICS["log_loss"].function(y, halves) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("balanced_accuracy", balanced_accuracy_score),
        ("f1_macro", partial(f1_score, average="macro")),
        ("roc_auc_ovr", partial(roc_auc_score, multi_class="ovr")),
    ],
)
def test_several_classes_are_scored_as_scikit_learn_does(name: str, function: Callable[..., float]):
    """Scores of three classes are those of the library's own functions."""
    rng = np.random.default_rng(6)
    y, probabilities = rng.integers(3, size=90), rng.dirichlet([1, 1, 1], size=90)
    response = probabilities if METRICS[name].response == "probability" else probabilities.argmax(axis=1)
    assert METRICS[name].function(y, response) == pytest.approx(function(y, response), abs=1e-12)


def test_one_against_rest_knows_classes_that_are_absent():
    """Rows without one of the classes have the mean over the others."""
    response = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]])
    assert METRICS["roc_auc_ovr"].function(np.array([0, 1, 0]), response) == 1.0


def test_log_loss_knows_classes_that_are_absent():
    """A fold without one of the classes still has a score."""
    response = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert METRICS["log_loss"].function(np.array([0, 1]), response) == pytest.approx(-np.log(0.8))


def test_unknown_name_lists_the_known_ones():
    """A misspelt metric is answered with the names that exist."""
    with pytest.raises(StudyError, match=r"'auc' is not a known metric; choose roc_auc, "):
        lookup("auc")


def test_import_needs_no_heavy_library():
    """Every command imports metrics and statistics, so they load neither numpy nor scikit-learn."""
    code = "import sys, autoresearch.statistics, autoresearch.acceptance; print({'numpy', 'scipy'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
