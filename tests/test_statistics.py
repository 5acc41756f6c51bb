"""Fold scores: the corrected standard error, paired gains, the simultaneous interval."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autoresearch.metrics import METRICS
from autoresearch.statistics import Gain, corrected_se, mean, paired_gains, simultaneous_interval, t_quantile

scores = st.lists(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=5), min_size=1, max_size=5)


def test_corrected_se_by_hand():
    """1, 2, 3, 4 have variance 5/3; with J = 4 and a ratio of 1/4 the square is (1/4 + 1/4) 5/3."""
    assert corrected_se([1, 2, 3, 4], 0.25) == pytest.approx(math.sqrt(5 / 6))


def test_corrected_se_without_ratio_is_the_plain_one():
    """With no validation rows per training row nothing is corrected."""
    values = np.random.default_rng(1).standard_normal(25)
    assert corrected_se(values.tolist(), 0.0) == pytest.approx(stats.sem(values))


def test_corrected_se_stays_above_its_floor_however_many_repeats():
    """Repeating the same folds does not make the standard error vanish: the ratio's share remains."""
    values = [0.0, 1.0] * 500
    assert corrected_se(values, 0.25) == pytest.approx(math.sqrt((1 / 1000 + 0.25) * np.var(values, ddof=1)))
    assert corrected_se(values, 0.25) > 0.25


@pytest.mark.parametrize("values", [[], [0.3]])
def test_corrected_se_is_nan_below_two_folds(values: list[float]):
    """One fold shows no variance, and none is invented."""
    assert math.isnan(corrected_se(values, 0.25))


def test_equal_folds_have_no_error():
    """Folds that all gain the same leave nothing to doubt."""
    assert corrected_se([0.5] * 5, 0.25) == 0


def test_mean_is_over_all_folds():
    """Repeats of unequal length weigh by their folds."""
    assert mean([[1.0, 2.0], [6.0]]) == 3.0


def test_paired_gains_follow_the_direction():
    """A lower error is a gain, a lower AUC is a loss."""
    assert paired_gains(METRICS["rmse"], [[2.0, 3.0]], [[1.0, 1.0]], 0.25).folds == (1.0, 2.0)
    assert paired_gains(METRICS["roc_auc"], [[0.75, 0.5]], [[0.5, 0.5]], 0.25).folds == (-0.25, 0.0)


def test_only_shared_repeats_are_compared():
    """A version that completed fewer repeats is compared on those."""
    gain = paired_gains(METRICS["r2"], [[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]], [[1.0, 1.0], [3.0, 3.0]], 0.25)
    assert gain.repeats == ((1.0, 1.0), (2.0, 2.0))
    assert gain.delta == 1.5


def test_nothing_shared_is_refused():
    """Without a shared repeat there is nothing to compare."""
    with pytest.raises(ValueError, match="share no complete repeat"):
        paired_gains(METRICS["r2"], [], [[1.0]], 0.25)


def test_unequal_folds_are_refused():
    """Repeats of different fold counts cannot be paired."""
    with pytest.raises(ValueError, match="shorter"):
        paired_gains(METRICS["r2"], [[1.0, 2.0]], [[1.0]], 0.25)


def test_part_takes_whole_repeats_and_keeps_the_rest():
    """A part of a gain has its repeats and the same ratio."""
    gain = Gain(((1.0,), (2.0,), (3.0,)), 0.25)
    assert gain.part(1) == Gain(((2.0,), (3.0,)), 0.25)
    assert gain.part(0, 1).folds == (1.0,)


def test_row_se_replaces_the_fold_se():
    """A single split has no fold variance; its error comes from the rows."""
    gain = Gain(((0.1,),), 0.25, row_se=0.02)
    assert (gain.delta, gain.se) == (0.1, 0.02)


@given(scores, st.randoms(use_true_random=False))
def test_direction_symmetry(before: list[list[float]], random):
    """Negating all scores and flipping the direction gives the same gain and the same error."""
    after = [[score + random.gauss(0, 1) for score in repeat] for repeat in before]
    up, down = METRICS["r2"], replace(METRICS["r2"], direction="minimize")
    negated = [[[-score for score in repeat] for repeat in version] for version in (before, after)]
    assert paired_gains(up, before, after, 0.25) == paired_gains(down, *negated, 0.25)


@given(scores, st.permutations(range(5)))
def test_order_of_folds_is_no_information(before: list[list[float]], order: list[int]):
    """Folds may come in any order, as long as both versions' come in the same."""
    after = [[score + 0.1 * i for i, score in enumerate(repeat)] for repeat in before]
    shuffled = [[[repeat[i] for i in order] for repeat in version] for version in (before, after)]
    one, other = paired_gains(METRICS["r2"], before, after, 0.25), paired_gains(METRICS["r2"], *shuffled, 0.25)
    assert one.delta == pytest.approx(other.delta, rel=1e-9, abs=1e-12)
    assert one.se == pytest.approx(other.se, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("comparisons", [1, 7, 60])
def test_simultaneous_interval_is_a_bonferroni_t(comparisons: int):
    """The quantile is that of t with one degree less than folds, at .025 shared by all comparisons."""
    gain = Gain(((0.1, 0.3, 0.2, 0.1, 0.05), (0.2, 0.2, 0.1, 0.3, 0.0)), 0.25)
    low, high = simultaneous_interval(gain, comparisons)
    half = stats.t.ppf(1 - 0.025 / comparisons, 9) * gain.se
    assert (low, high) == pytest.approx((gain.delta - half, gain.delta + half))


def test_simultaneous_interval_over_rows_uses_the_normal():
    """A row-level error over many rows needs no t."""
    low, high = simultaneous_interval(Gain(((0.1,),), 0.25, row_se=0.02), 10)
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(1 - 0.0025) * 0.02)


def test_simultaneous_interval_widens_with_the_trials():
    """The more was tried, the less one gain says; no trial at all counts as one."""
    gain = Gain(((0.1, 0.3, 0.2, 0.1, 0.05),), 0.25)
    widths = [np.ptp(simultaneous_interval(gain, trials)) for trials in (0, 1, 2, 60)]
    assert widths[0] == widths[1] < widths[2] < widths[3]


def test_simultaneous_interval_of_one_fold_is_unknown():
    """Where no error can be seen the interval is nan, not a point."""
    assert all(math.isnan(bound) for bound in simultaneous_interval(Gain(((0.1,),), 0.25), 3))


@pytest.mark.slow
def test_corrected_se_covers_without_selection():
    """On an unselected comparison the corrected interval holds the true difference of two fixed learners."""
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(600):
        x, y = rng.standard_normal((100, 3)), rng.standard_normal(100)
        repeats = [rng.permutation(100).reshape(5, 20) for _ in range(5)]
        gains = tuple(tuple(_fold_gain(x, y, valid) for valid in folds) for folds in repeats)
        low, high = simultaneous_interval(Gain(gains, 0.25), 1)
        covered.append(low <= -3 / 76 <= high)  # what 3 useless coefficients cost on 80 normal rows: p/(n - p - 1)
    assert np.mean(covered) > 0.92


def _fold_gain(x: np.ndarray, y: np.ndarray, valid: np.ndarray) -> float:
    """Gain in squared error of least squares over predicting zero."""
    train = np.setdiff1d(np.arange(len(y)), valid)
    weights = np.linalg.lstsq(x[train], y[train], rcond=None)[0]
    return float((y[valid] ** 2).mean() - ((y[valid] - x[valid] @ weights) ** 2).mean())


@given(st.floats(1e-8, 0.2), st.integers(1, 500))
def test_t_quantile_is_the_one_that_scipy_gives(tail: float, dof: int):
    """Five digits, from the tails of a hundred thousand comparisons to wide ones."""
    assert t_quantile(tail, dof) == pytest.approx(stats.t.isf(tail, dof), rel=1e-4)
