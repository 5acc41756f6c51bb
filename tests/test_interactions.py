"""Interactions: planted ones are found, none are found where none are, and nothing that was not measured is made up."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from designs import RATIO, cell, crossed, failed, scored

from autoresearch.interactions import described, discoveries, interactions, shrunken, signal
from autoresearch.metrics import lookup
from autoresearch.statistics import corrected_se
from autoresearch.trial import State
from autoresearch.tried import Tried

AUC = lookup("roc_auc")
LEVELS = {"features": ["f0", "f1", "f2", "f3"], "model": ["m0", "m1", "m2", "m3", "m4"]}
START = cell("f0", "m0")
PLANTED = {("f1", "m1"): 0.06, ("f2", "m3"): -0.06, ("f3", "m4"): 0.06}


def additive(choice: Mapping[str, str]) -> float:
    """Every level adds its own amount, whatever stands in the other slots."""
    return 0.7 + sum(0.004 * int(name[1:]) for name in choice.values())


def planted(choice: Mapping[str, str]) -> float:
    """Three pairs do more, or less, together."""
    return additive(choice) + PLANTED.get((choice["features"], choice["model"]), 0.0)


def names(one: object) -> tuple[str, str]:
    """The variants of a pair."""
    return tuple(level.variant for _, level in one.pair)  # type: ignore[attr-defined,return-value]


def square(both: float, first: float, second: float, neither: float, **slots: str) -> list[Tried]:
    """Four trials whose folds say the same."""
    corners = {("f1", "m1"): both, ("f1", "m0"): first, ("f0", "m1"): second, ("f0", "m0"): neither}
    return [
        scored(n, {"features": f, "model": m, **slots}, [[score, score + 0.01]] * 2)
        for n, ((f, m), score) in enumerate(corners.items())
    ]


def test_a_pair_by_hand():
    """Solos, their sum, the combination and the difference are what the four scores say."""
    (found,) = interactions(AUC, square(0.80, 0.72, 0.73, 0.70), START, RATIO)
    assert (found.first_solo, found.second_solo) == pytest.approx((0.02, 0.03))
    assert (found.predicted, found.actual, found.amount.delta) == pytest.approx((0.05, 0.10, 0.05))
    assert found.kind == "superadditive"
    text = "\n".join(described(found))
    assert "first solo            +0.0200" in text
    assert "second solo           +0.0300" in text
    assert "predicted combination +0.0500" in text
    assert "actual combination    +0.1000" in text
    assert "+0.0500 ± 0.0000 (superadditive" in text


def test_a_loss_counts_the_other_way():
    """For a metric that is minimised a combination that loses less than predicted is superadditive."""
    (found,) = interactions(lookup("log_loss"), square(0.50, 0.65, 0.66, 0.70), START, RATIO)
    assert (found.first_solo, found.actual, found.amount.delta) == pytest.approx((0.05, 0.20, 0.11))
    assert found.kind == "superadditive"
    assert found.logit is None


def test_differences_are_taken_within_folds():
    """What all four trials share in a fold adds nothing to the standard error."""
    rng = np.random.default_rng(0)
    easy = rng.normal(0, 0.1, size=(5, 5))
    trials = crossed(LEVELS, planted, rng, sd=0.001)
    harder = [scored(t.n, t.choice, np.array(t.repeats) + easy) for t in trials]
    for one, other in zip(
        interactions(AUC, trials, START, RATIO), interactions(AUC, harder, START, RATIO), strict=True
    ):
        assert one.amount.se == pytest.approx(other.amount.se)


def test_planted_interactions_are_found():
    """Each planted interaction is a discovery, with its sign; the strongest shrunken one comes first."""
    found = interactions(AUC, crossed(LEVELS, planted, np.random.default_rng(1)), START, RATIO)
    assert len(found) == 12
    discovered = {names(one): one.kind for one in found if one.discovered}
    assert (
        discovered.items()
        >= {
            ("f1", "m1"): "superadditive",
            ("f2", "m3"): "subadditive",
            ("f3", "m4"): "superadditive",
        }.items()
    )
    assert {names(one) for one in found[:2]} == {("f1", "m1"), ("f3", "m4")}
    assert names(found[-1]) == ("f2", "m3")


def test_false_discoveries_are_rare():
    """Over many tables the mean share of false ones among the discoveries is held, planted interactions or none."""
    rng = np.random.default_rng(2)
    for truth, real in ((additive, set[tuple[str, str]]()), (planted, set(PLANTED))):
        shares, power = [], []
        for _ in range(250):
            found = {names(o) for o in interactions(AUC, crossed(LEVELS, truth, rng), START, RATIO) if o.discovered}
            shares.append(len(found - real) / max(len(found), 1))
            power.append(len(found & real))
        assert np.mean(shares) <= 0.1 + 2 * np.std(shares) / len(shares) ** 0.5
        assert np.mean(power) >= 0.8 * len(real)


def test_shrinkage_comes_closer_to_the_truth():
    """Shrunken estimates have a smaller squared error than the plain ones; less than half where nothing is planted."""
    rng = np.random.default_rng(3)
    for truth, share in ((additive, 0.5), (planted, 1.0)):
        plain, pulled = [], []
        for _ in range(60):
            for one in interactions(AUC, crossed(LEVELS, truth, rng), START, RATIO):
                true = truth(dict(zip(LEVELS, names(one), strict=True))) - additive(
                    dict(zip(LEVELS, names(one), strict=True))
                )
                plain.append((one.amount.delta - true) ** 2)
                pulled.append((one.shrunken - true) ** 2)
        assert np.mean(pulled) < share * np.mean(plain)


def test_backgrounds_are_averaged_within_folds():
    """Several backgrounds give one estimate whose error is clustered by fold: sharing folds, they are no new folds."""
    rng = np.random.default_rng(4)
    levels = {"features": ["f0", "f1"], "preprocessing": ["p0", "p1", "p2"], "model": ["m0", "m1"]}
    trials = crossed(levels, additive, rng)
    found = interactions(AUC, trials, cell("f0", "p0", "m0"), RATIO)
    (one,) = [pair for pair in found if names(pair) == ("f1", "m1")]
    assert one.backgrounds == 3
    folds = {tuple(t.choice.values()): np.array(t.repeats).ravel() for t in trials}
    by_hand = np.mean(
        [
            folds["f1", p, "m1"] - folds["f1", p, "m0"] - folds["f0", p, "m1"] + folds["f0", p, "m0"]
            for p in levels["preprocessing"]
        ],
        axis=0,
    )
    assert one.amount.delta == pytest.approx(by_hand.mean())
    assert one.amount.se == pytest.approx(corrected_se(list(by_hand), RATIO))
    copies = [
        scored(t.n, {**t.choice, "preprocessing": p}, t.repeats)
        for t in trials
        for p in ("p1", "p2")
        if t.choice["preprocessing"] == "p0"
    ]
    base = [t for t in trials if t.choice["preprocessing"] == "p0"]
    (alone,) = interactions(AUC, base, cell("f0", "p0", "m0"), RATIO)
    (copied,) = [o for o in interactions(AUC, base + copies, cell("f0", "p0", "m0"), RATIO) if names(o) == ("f1", "m1")]
    assert copied.amount.se == pytest.approx(alone.amount.se), "the same folds three times are no more certain"


def test_missing_cells_are_listed_and_not_imputed():
    """Without one of its four cells a pair has no estimate, and the cell is to be scheduled."""
    trials = square(0.80, 0.72, 0.73, 0.70)
    (found,) = interactions(AUC, trials[:1] + trials[2:], START, RATIO)
    assert found.backgrounds == 0
    assert math.isnan(found.amount.delta)
    assert not found.discovered
    assert found.missing == (cell("f1", "m0"),)
    assert described(found) == ["features f1 x model m1: not measured, 1 cells to be scheduled"]


@pytest.mark.parametrize("state", [State.CRASHED, State.PRUNED, State.TIMED_OUT])
def test_what_did_not_complete_is_neither_used_nor_scheduled(state: State):
    """A cell that crashed or was pruned gives no estimate, and trying it again would not either."""
    trials = square(0.80, 0.72, 0.73, 0.70)
    trials[1] = failed(1, trials[1].choice, state)
    (found,) = interactions(AUC, trials, START, RATIO)
    assert found.backgrounds == 0
    assert found.missing == ()


def test_fewer_repeats_are_compared_on_those_that_are_shared():
    """A trial with fewer complete repeats bounds the folds of its pair, and of all four cells alike."""
    rng = np.random.default_rng(5)
    trials = crossed({"features": ["f0", "f1"], "model": ["m0", "m1"]}, planted, rng)
    trials[1] = scored(1, trials[1].choice, trials[1].repeats[:2])
    (found,) = interactions(AUC, trials, START, RATIO)
    (cut,) = interactions(AUC, [scored(t.n, t.choice, t.repeats[:2]) for t in trials], START, RATIO)
    assert found.amount == cut.amount
    assert found.actual == pytest.approx(cut.actual)


def test_a_ceiling_shows_on_the_logit_scale():
    """Two gains that add up in log odds fall short of adding up in AUC near one; the logit scale tells."""

    def share(odds: float) -> float:
        return 1 / (1 + math.exp(-odds))

    (found,) = interactions(AUC, square_of_shares([share(x) for x in (5.0, 4.0, 4.0, 3.0)]), START, RATIO)
    assert found.amount.delta < -0.01
    assert found.logit is not None
    assert found.logit.delta == pytest.approx(0, abs=1e-9)
    assert "logit" in described(found)[-1]


def square_of_shares(scores: list[float]) -> list[Tried]:
    """Four trials with the same score in each fold."""
    return [scored(t.n, t.choice, [[s, s]] * 2) for t, s in zip(square(0, 0, 0, 0), scores, strict=True)]


def test_no_logit_where_a_fold_scored_a_bound():
    """A fold with a perfect score has no log odds."""
    (found,) = interactions(AUC, square_of_shares([1.0, 0.9, 0.9, 0.8]), START, RATIO)
    assert found.logit is None


def test_a_single_split_has_no_noise_to_judge_by():
    """One fold gives the amounts, and no discovery."""
    trials = [scored(t.n, t.choice, [[t.repeats[0][0]]]) for t in square(0.80, 0.72, 0.73, 0.70)]
    (found,) = interactions(AUC, trials, START, RATIO)
    assert found.amount.delta == pytest.approx(0.05)
    assert math.isnan(found.amount.se)
    assert not found.discovered
    assert found.shrunken == 0


def test_unmeasured_pairs_are_expected_to_do_as_their_families():
    """The signal of a cell sums its pairs': their own where measured, else their families' mean, else nothing."""
    found = interactions(AUC, crossed(LEVELS, planted, np.random.default_rng(6)), START, RATIO)
    family = {("features", name): "group" for name in ("f1", "f9")} | {
        ("model", name): "trees" for name in ("m1", "m9")
    }
    known = signal(found, family)
    own = next(one.shrunken for one in found if names(one) == ("f1", "m1"))
    slots = tuple(LEVELS)
    assert known.of(slots, cell("f1", "m1"), START) == own
    assert known.of(slots, cell("f9", "m9"), START) == own
    assert known.of(slots, cell("f8", "m8"), START) == 0
    assert known.of(slots, cell("f1", "m0"), START) == 0


def test_discoveries_by_hand():
    """Benjamini and Hochberg's step-up: the largest p below its own line takes all smaller ones with it."""
    assert discoveries([0.05, 0.5, 0.02, 0.065], 0.1) == [True, False, True, True]
    assert discoveries([0.2, 0.5], 0.1) == [False, False]
    assert discoveries([], 0.1) == []


def test_shrinkage_by_hand():
    """tau^2 = mean(I^2 - s^2) = 3; each estimate keeps tau^2 / (tau^2 + s^2) of itself; noise alone keeps nothing."""
    assert shrunken([2.0, -2.0], [1.0, 1.0]) == pytest.approx([1.5, -1.5])
    assert shrunken([0.5, -0.5], [1.0, 1.0]) == [0.0, 0.0]
