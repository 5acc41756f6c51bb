"""The audit's intervals: against independent computations, in degenerate cases, and over simulated audits."""

import itertools
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from autoresearch.forecast import provable_gain
from autoresearch.intervals import (
    Difference,
    audit_level,
    bca,
    bonett_price,
    compare,
    delong,
    jackknife,
    row_se,
)
from autoresearch.metrics import METRICS, Metric

ALPHA = audit_level(1)


def responses(metric: Metric, n: int, rng: np.random.Generator, edge: float = 0.0) -> tuple[np.ndarray, ...]:
    """Labels and two correlated responses; the second is better by about `edge`."""
    if metric.response == "value":
        y, shared = rng.standard_normal(n), rng.standard_normal(n)
        found = y, y + shared + 0.3 * rng.standard_normal(n), y + (1 - edge) * shared + 0.3 * rng.standard_normal(n)
        return tuple(np.exp(values) for values in found) if metric.positive else found
    y = rng.permutation(np.arange(n) % 3 == 0).astype(int)
    latent = y + rng.standard_normal(n)
    scores = [1 / (1 + np.exp(-latent - e * (2 * y - 1) + 0.5 - 0.3 * rng.standard_normal(n))) for e in (0, edge)]
    if metric.response == "label":
        return y, *((score > 0.5).astype(int) for score in scores)
    if metric.response == "probability":
        return y, *(np.column_stack([1 - score, score]) for score in scores)
    return y, *scores


def brute_delong(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[float, float, float]:
    """Difference of two AUCs, its standard error and degrees of freedom, pair by pair of rows."""
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    wins = {
        (i, j): (np.sign(after[i] - after[j]) - np.sign(before[i] - before[j])) / 2
        for i, j in itertools.product(positives, negatives)
    }
    delta = sum(wins.values()) / len(wins)
    by_positive = [sum(wins[i, j] for j in negatives) / len(negatives) for i in positives]
    by_negative = [sum(wins[i, j] for i in positives) / len(positives) for j in negatives]
    parts = [sum((v - delta) ** 2 for v in vs) / (len(vs) - 1) / len(vs) for vs in (by_positive, by_negative)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(positives) - 1) + parts[1] ** 2 / (len(negatives) - 1))
    return delta, math.sqrt(sum(parts)), freedom


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_delong_agrees_with_counting_pairs(seed: int, ties: bool):
    """The midrank algorithm gives what comparing every positive with every negative gives, ties included."""
    y, before, after = responses(METRICS["roc_auc"], 47, np.random.default_rng(seed), edge=0.4)
    if ties:
        before, after = before.round(1), after.round(1)
    found = delong(y, before, after, ALPHA)
    delta, se, freedom = brute_delong(y, before, after)
    half = stats.t.ppf(1 - ALPHA / 2, freedom) * se
    assert (found.delta, found.low, found.high) == pytest.approx((delta, delta - half, delta + half), abs=1e-12)
    assert found.before == pytest.approx(METRICS["roc_auc"].function(y, before))
    assert found.after == pytest.approx(METRICS["roc_auc"].function(y, after))
    assert row_se(METRICS["roc_auc"], y, before, after, np.random.default_rng(0)) == pytest.approx(se)


def test_delong_by_hand():
    """Two positives and two negatives: one pair turns round, which is a gain of 1/4 with a variance of 1/8."""
    y = np.array([1, 1, 0, 0])
    before, after = np.array([3.0, 1.0, 2.0, 0.0]), np.array([3.0, 2.0, 1.0, 0.0])
    # Per positive the gain is 0 and 1/2, and so per negative: variances (1/8)/2 each, in sum 1/8 with 2 degrees.
    half = stats.t.ppf(1 - ALPHA / 2, 2) * math.sqrt(1 / 8)
    found = delong(y, before, after, ALPHA)
    assert (found.delta, found.high - found.delta) == pytest.approx((0.25, half))


def test_delong_on_many_rows_is_the_classical_interval():
    """With many rows the t quantile is the normal one to three digits."""
    y, before, after = responses(METRICS["roc_auc"], 4_000, np.random.default_rng(1), edge=0.1)
    found = delong(y, before, after, ALPHA)
    se = row_se(METRICS["roc_auc"], y, before, after, np.random.default_rng(0))
    assert (found.high - found.low) / 2 == pytest.approx(stats.norm.ppf(1 - ALPHA / 2) * se, rel=2e-3)


@given(st.permutations(range(30)))
def test_delong_does_not_depend_on_row_order(order: list[int]):
    """Permuting the rows changes nothing."""
    y, before, after = responses(METRICS["roc_auc"], 30, np.random.default_rng(2), edge=0.3)
    one, other = delong(y, before, after, ALPHA), delong(y[order], before[order], after[order], ALPHA)
    assert (one.delta, one.low, one.high) == pytest.approx((other.delta, other.low, other.high), abs=1e-12)


def test_delong_depends_on_ranks_only():
    """A monotone change of either version's scores changes nothing."""
    y, before, after = responses(METRICS["roc_auc"], 40, np.random.default_rng(3))
    assert delong(y, before, after, ALPHA) == delong(y, np.exp(before), after**3, ALPHA)


def test_jackknife_of_an_auc_is_delong():
    """Leaving out rows class by class gives DeLong's variance exactly: the two are one method."""
    y, before, after = responses(METRICS["roc_auc"], 45, np.random.default_rng(4), edge=0.2)
    one = jackknife(METRICS["roc_auc"], y, before, after, ALPHA, np.random.default_rng(0))
    other = delong(y, before, after, ALPHA)
    assert (one.delta, one.low, one.high) == pytest.approx((other.delta, other.low, other.high), abs=1e-12)


def test_jackknife_of_a_mean_is_the_paired_t_interval():
    """For the mean absolute error nothing is approximate: it is Student's interval of the rows' differences."""
    y, before, after = responses(METRICS["mae"], 60, np.random.default_rng(5), edge=0.2)
    found = jackknife(METRICS["mae"], y, before, after, ALPHA, np.random.default_rng(0))
    student = stats.ttest_1samp(abs(y - before) - abs(y - after), 0).confidence_interval(1 - ALPHA)
    assert (found.low, found.high) == pytest.approx((student.low, student.high))


def test_jackknife_of_a_stratified_mean_has_its_variance():
    """For log loss the variance is that of a mean over classes of fixed sizes, the small class undiminished."""
    rng = np.random.default_rng(6)
    y = np.repeat([0, 1], [44, 6])
    before, after = (rng.dirichlet([2, 2], 50) for _ in range(2))
    rows = np.log(after[np.arange(50), y] / before[np.arange(50), y])
    parts = [(y == c).sum() / 50**2 * rows[y == c].var(ddof=1) for c in (0, 1)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 43 + parts[1] ** 2 / 5)
    found = jackknife(METRICS["log_loss"], y, before, after, ALPHA, rng)
    assert found.delta == pytest.approx(rows.mean())
    assert found.high - found.delta == pytest.approx(stats.t.ppf(1 - ALPHA / 2, freedom) * math.sqrt(sum(parts)))


def test_jackknife_in_groups_is_close_to_leaving_out_each_row():
    """Beyond 500 rows groups are left out: the width stays that of Student's interval within a few per cent."""
    y, before, after = responses(METRICS["mae"], 3_000, np.random.default_rng(7))
    order = np.argsort(before)  # sorted rows must not make groups alike
    found = jackknife(METRICS["mae"], y[order], before[order], after[order], ALPHA, np.random.default_rng(0))
    student = stats.ttest_1samp(abs(y - before) - abs(y - after), 0).confidence_interval(1 - ALPHA)
    assert found.high - found.low == pytest.approx(student.high - student.low, rel=0.15)


def test_bonett_price_by_hand():
    """50 rows, 8 won and 1 lost: 9/52 and 2/52 after one row is added to either side."""
    before, after, y = np.zeros(50), np.zeros(50), np.zeros(50)
    before[:8], after[8] = 1, 1
    found = bonett_price(y, before, after, ALPHA)
    half = stats.norm.ppf(1 - ALPHA / 2) * math.sqrt((11 / 52 - (7 / 52) ** 2) / 52)
    assert (found.delta, found.low, found.high) == pytest.approx((0.14, 7 / 52 - half, 7 / 52 + half))


@pytest.mark.parametrize(("won", "answer"), [(4, "not distinguishable"), (5, "not distinguishable"), (8, "proven")])
def test_few_one_sided_rows_prove_nothing(won: int, answer: str):
    """As in an exact sign test at .025, five rows won to none lost may be chance; eight may not."""
    before, after, y = np.zeros(50), np.zeros(50), np.zeros(50)
    before[:won] = 1
    assert bonett_price(y, before, after, ALPHA).answer == answer
    assert (answer == "proven") == (stats.binomtest(won, won).pvalue < ALPHA)


@pytest.mark.parametrize("name", ["mae", "accuracy"])
def test_bca_agrees_with_scipy(name: str):
    """Both ends lie where scipy's BCa puts them, within the noise of resampling; one class makes one stratum."""
    metric = METRICS[name]
    y, before, after = responses(metric, 80, np.random.default_rng(8), edge=0.2)
    if name == "accuracy":
        before, after, y = (before != y).astype(int), (after != y).astype(int), np.zeros_like(y)

    def statistic(y: np.ndarray, before: np.ndarray, after: np.ndarray, axis: int) -> np.ndarray:
        return np.mean(abs(y - before) - abs(y - after), axis=axis)  # of zeros and ones: the gain in accuracy

    found = bca(metric, y, before, after, ALPHA, np.random.default_rng(0))
    reference = stats.bootstrap(
        (y, before, after), statistic, paired=True, method="BCa",
        confidence_level=1 - ALPHA, n_resamples=20_000, rng=np.random.default_rng(1),
    )  # fmt: skip
    step = 1.01 / 80 if name == "accuracy" else 0  # an accuracy moves by whole rows
    noise = max(step, 0.25 * reference.standard_error)
    assert (found.low, found.high) == pytest.approx(tuple(reference.confidence_interval), abs=noise)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
class TestEveryMetric:
    def test_identical_responses_are_not_distinguishable(self, metric: Metric):
        """Nothing between two equal versions: gain zero, finite bounds, no warning."""
        y, before, _ = responses(metric, 50, np.random.default_rng(9))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = compare(metric, y, before, before.copy(), ALPHA, np.random.default_rng(0))
        assert found.delta == 0
        assert found.low <= 0 <= found.high
        assert math.isfinite(found.high - found.low)
        assert found.answer == "not distinguishable"

    def test_clear_gain_is_proven_and_its_reverse_is_worse(self, metric: Metric):
        """A large edge on 200 rows is proven; exchanging the versions mirrors the interval."""
        y, before, after = responses(metric, 200, np.random.default_rng(10), edge=0.9)
        there = compare(metric, y, before, after, ALPHA, np.random.default_rng(0))
        back = compare(metric, y, after, before, ALPHA, np.random.default_rng(0))
        assert (there.answer, back.answer) == ("proven", "worse")
        assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-9)

    def test_row_order_is_no_information(self, metric: Metric):
        """Permuting the rows gives the same interval, up to what a bootstrap draws."""
        rng = np.random.default_rng(11)
        y, before, after = responses(metric, 90, rng, edge=0.2)
        order = rng.permutation(90)
        one = compare(metric, y, before, after, ALPHA, np.random.default_rng(0))
        other = compare(metric, y[order], before[order], after[order], ALPHA, np.random.default_rng(3))
        drawn = 0.1 * (one.high - one.low) if one.method == "BCa bootstrap" else 1e-9
        assert (one.delta, one.low, one.high) == pytest.approx((other.delta, other.low, other.high), abs=drawn)

    def test_smaller_level_makes_a_wider_interval(self, metric: Metric):
        """Each further audit of a study has less to spend and claims less."""
        y, before, after = responses(metric, 80, np.random.default_rng(12), edge=0.2)
        rng = np.random.default_rng(0)
        found = [compare(metric, y, before, after, audit_level(j), rng) for j in (1, 2, 5)]
        assert all(a.low > b.low and a.high < b.high for a, b in itertools.pairwise(found))

    def test_flipped_direction_mirrors_the_interval(self, metric: Metric):
        """Negated scores of the opposite direction give the same gain and the same bounds."""
        y, before, after = responses(metric, 60, np.random.default_rng(13), edge=0.2)
        opposite = "minimize" if metric.direction == "maximize" else "maximize"
        mirrored = replace(metric, direction=opposite, function=lambda y, r: -metric.function(y, r))
        one, other = (jackknife(m, y, before, after, ALPHA, np.random.default_rng(0)) for m in (metric, mirrored))
        assert (one.delta, one.low, one.high) == pytest.approx((other.delta, other.low, other.high), abs=1e-12)

    def test_row_se_has_the_size_of_the_intervals(self, metric: Metric):
        """The standard error of a single split is the one behind the audit's interval, give or take resampling."""
        y, before, after = responses(metric, 150, np.random.default_rng(14), edge=0.1)
        found = compare(metric, y, before, after, ALPHA, np.random.default_rng(0))
        implied = (found.high - found.low) / 2 / stats.norm.ppf(1 - ALPHA / 2)
        assert row_se(metric, y, before, after, np.random.default_rng(0)) == pytest.approx(implied, rel=0.35)

    def test_provable_gain_falls_with_rows(self, metric: Metric):
        """Four times the rows halve what can be proven, about."""
        few, many = (provable_gain(metric, responses(metric, n, np.random.default_rng(15))[0]) for n in (120, 480))
        assert many == pytest.approx(few / 2, rel=0.15)
        assert few > 0

    def test_provable_gain_is_of_the_size_of_a_real_interval(self, metric: Metric):
        """The forecast is within a factor of three of the interval of two correlated versions."""
        y, before, after = responses(metric, 120, np.random.default_rng(16))
        found = compare(metric, y, before, after, ALPHA, np.random.default_rng(0))
        assert 1 / 3 < provable_gain(metric, y) / ((found.high - found.low) / 2) < 3


def test_provable_auc_gain_by_hand():
    """30 and 30 rows at an AUC of .85: Hanley and McNeil's variance, a correlation of .8, level .025."""
    q1, q2 = 0.85 / 1.15, 2 * 0.7225 / 1.85
    variance = (0.1275 + 29 * (q1 - 0.7225) + 29 * (q2 - 0.7225)) / 900
    expected = 2.2414 * math.sqrt(variance) * math.sqrt(2 * 0.2)
    assert provable_gain(METRICS["roc_auc"], np.repeat([0, 1], 30)) == pytest.approx(expected, rel=1e-4)
    assert 0.06 < expected < 0.08


def test_provable_gain_of_an_unknown_metric_is_refused():
    """A metric without a forecast is named."""
    with pytest.raises(ValueError, match="no forecast for gini"):
        provable_gain(replace(METRICS["r2"], name="gini"), np.arange(9.0))


def test_audit_levels_sum_to_five_per_cent():
    """However many audits a study sees, it spends .05 in all, half of what is left at a time."""
    levels = [audit_level(number) for number in range(1, 60)]
    assert levels[0] == 0.025
    assert sum(levels) == pytest.approx(0.05)
    assert all(b == a / 2 for a, b in itertools.pairwise(levels))


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(0.01, 0.2, "proven"), (-0.2, -0.01, "worse"), (-0.1, 0.1, "not distinguishable"),
     (0.0, 0.1, "not distinguishable"), (-0.1, 0.0, "not distinguishable")],
)  # fmt: skip
def test_answers(low: float, high: float, answer: str):
    """Zero inside the interval, its ends included, is not distinguishable."""
    assert Difference(0.5, 0.5, 0.0, low, high, ALPHA, "by hand").answer == answer


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_one_row_of_a_class_proves_nothing(name: str):
    """A ranking's gain on a single positive has no visible error: the interval is everything."""
    y = np.array([1, 0, 0, 0, 0, 0])
    before, after = np.array([0.0, 1, 2, 3, 4, 5]), np.array([9.0, 1, 2, 3, 4, 5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(METRICS[name], y, before, after, ALPHA, np.random.default_rng(0))
    assert (found.low, found.high) == (-1, 1)
    assert found.delta > 0


def test_rare_class_of_many_is_no_obstacle():
    """With a class of one row the rows are taken as one stratum."""
    rng = np.random.default_rng(17)
    y = np.array([0] * 20 + [1] * 20 + [2])
    before, after = (rng.dirichlet([1, 1, 1], 41) for _ in range(2))
    rows = np.log(after[np.arange(41), y] / before[np.arange(41), y])
    found = compare(METRICS["log_loss"], y, before, after, ALPHA, rng)
    student = stats.ttest_1samp(rows, 0).confidence_interval(1 - ALPHA)
    assert (found.low, found.high) == pytest.approx((student.low, student.high))


def test_bca_of_identical_responses_is_a_point():
    """The bootstrap of no difference is zero, without a warning."""
    y, before, _ = responses(METRICS["rmse"], 30, np.random.default_rng(18))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bca(METRICS["rmse"], y, before, before, ALPHA, np.random.default_rng(0))
    assert (found.low, found.high) == (0, 0)


FAST = {"log_loss": lambda y, response: float(-np.log(response[np.arange(len(y)), y]).mean())}  # for many calls


def coverage(metric: Metric, n: int, truth: float, edge: float, replays: int) -> float:
    """Share of simulated audits whose interval holds the true gain."""
    rng = np.random.default_rng(19)
    found = [compare(metric, *responses(metric, n, rng, edge), ALPHA, rng) for _ in range(replays)]
    return float(np.mean([f.low <= truth <= f.high for f in found]))


@pytest.mark.slow
@pytest.mark.parametrize("edge", [0.0, 0.5])
@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "rmse", "mae", "log_loss"])
@pytest.mark.parametrize("n", [51, 201])
def test_audit_covers(name: str, n: int, edge: float):
    """Over simulated audits of two fixed versions the interval holds the true gain in 95 of 100 at least."""
    metric = replace(METRICS[name], function=FAST.get(name, METRICS[name].function))
    large = responses(metric, 600_000, np.random.default_rng(20), edge)
    truth = metric.gain(metric.function(large[0], large[1]), metric.function(large[0], large[2]))
    assert coverage(metric, n, truth, edge, 1_000) >= 0.95


@pytest.mark.slow
def test_delong_level_is_kept_when_nothing_is_there():
    """Two versions that are equally good by construction are called different in 5 of 100 audits at most."""
    rng = np.random.default_rng(21)
    answers = []
    for _ in range(2_000):
        y, shared = np.arange(60) % 5 == 0, rng.standard_normal(60)
        before, after = (y + shared + 0.5 * rng.standard_normal(60) for _ in range(2))
        answers.append(delong(y.astype(int), before, after, ALPHA).answer)
    assert answers.count("proven") <= 0.025 * len(answers)
    assert answers.count("worse") <= 0.025 * len(answers)


def test_level_spent_is_recorded():
    """A difference says at which level and how it was made."""
    y, before, after = responses(METRICS["rmse"], 40, np.random.default_rng(22))
    found = compare(METRICS["rmse"], y, before, after, audit_level(3), np.random.default_rng(0))
    assert (found.alpha, found.method) == (0.00625, "jackknife")


def test_bonett_price_excludes_what_an_exact_test_excludes():
    """The number of one-sided rows that it takes agrees with the exact sign test for any usual holdout size."""
    needed = math.ceil(brentq(lambda k: 2 * 0.5**k - ALPHA, 1, 20))
    for n in (50, 100, 200, 400):
        wins = [k for k in range(1, 20) if bonett_price(np.zeros(n), np.arange(n) < k, np.zeros(n), ALPHA).low > 0]
        assert abs(wins[0] - needed) <= 1
