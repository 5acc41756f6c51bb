"""Pruning: what would have passed is not stopped, what loses is given up, and noise alone gives nothing up."""

from collections.abc import Callable

import numpy as np
import pytest
from designs import RATIO, crossed, failed, noise, scored

from autoresearch.acceptance import RULES, Rule
from autoresearch.metrics import lookup
from autoresearch.pruning import CRASHES, dropped, futile
from autoresearch.statistics import Gain
from autoresearch.trial import State
from autoresearch.tried import Tried

AUC = lookup("roc_auc")
PLANNED = 5
FOLDS = 5
FAMILY = {("model", f"{name}{i}"): family for name, family in (("t", "trees"), ("l", "linear")) for i in (1, 2)}
LEVELS = {"features": ["f0", "f1"], "model": ["t1", "t2", "l1", "l2"]}

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "skewed to the right": lambda rng, size: rng.exponential(size=size) - 1,
    "skewed to the left": lambda rng, size: 1 - rng.exponential(size=size),
}


def gains(mean: float, draw: Draw, rng: np.random.Generator, between: float, within: float) -> Gain:
    """Paired gains whose repeats' means, averages of five draws, vary by `between`, folds about them by `within`."""
    centres = mean + between * FOLDS**0.5 * draw(rng, (PLANNED, FOLDS)).mean(axis=1, keepdims=True)
    folds = draw(rng, (PLANNED, FOLDS))
    folds -= folds.mean(axis=1, keepdims=True)
    return Gain(tuple(map(tuple, centres + within * folds)), RATIO)


def stopped(rule: Rule, gain: Gain) -> int:
    """Repeats made before the trial is stopped, or all of them."""
    return next((k for k in range(1, PLANNED) if futile(rule, gain.part(0, k), PLANNED)), PLANNED)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("between", "within"), [(0.01, 0.01 * FOLDS**0.5), (0.004, 0.02)], ids=["independent folds", "folds that make up"]
)
def test_what_would_have_passed_is_not_stopped(rule: Rule, shape: str, between: float, within: float):
    """Of the trials that pass after all repeats at most one in twenty had been stopped, wherever the true gain lies."""
    rng = np.random.default_rng(7)
    for mean in (-0.005, 0.0, 0.01):
        passing = []
        for _ in range(700):
            gain = gains(mean, SHAPES[shape], rng, between, within)
            if rule.decide(gain).keep:
                passing.append(stopped(rule, gain) < PLANNED)
        spread = (0.05 * 0.95 / max(len(passing), 1)) ** 0.5
        assert sum(passing) <= (0.05 + 2 * spread) * len(passing), (mean, sum(passing), len(passing))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_losers_are_stopped_early(rule: Rule):
    """Where most trials lose, as in a search, at least half of the repeats is saved."""
    rng = np.random.default_rng(8)
    made = [stopped(rule, gains(rng.normal(-0.03, 0.03), SHAPES["normal"], rng, 0.005, 0.02)) for _ in range(400)]
    assert np.mean(made) <= PLANNED / 2


def test_futility_by_hand():
    """Ten folds, half at -.02 and half at -.04, deviate by .01054, a repeat's mean by .00471 if these were independent.

    t(.05/4, 9) is 2.685, sqrt(1/2 - 1/5) .5477: at most -.0231.
    """
    gain = Gain(((-0.02,) * 5, (-0.04,) * 5), RATIO)
    said = futile(RULES["strict"], gain, 5)
    assert said == "futile after 2 of 5 repeats: Δ -0.0300, at most -0.0231, 0.0000 needed"
    assert futile(RULES["strict"], Gain(((0.01,) * 5, (-0.02,) * 5), RATIO), 5) is None


def test_the_bar_of_one_se_is_certain():
    """What the rule needs at the least, as said after some repeats, is never above the SE in the end."""
    rng, rule = np.random.default_rng(9), RULES["one_se"]
    for _ in range(200):
        gain = gains(rng.normal(0, 0.02), SHAPES["skewed to the left"], rng, 0.01, 0.02)
        bars = [rule.bar(gain.part(0, k), PLANNED) for k in range(1, PLANNED + 1)]
        assert bars == sorted(bars)
        assert bars[-1] == pytest.approx(gain.se)


def test_no_stop_after_the_last():
    """After the last repeat there is nothing to save."""
    gain = Gain(((-0.5, -0.4, -0.6),) * 5, RATIO)
    assert futile(RULES["one_se"], gain, 5) is None
    assert futile(RULES["one_se"], gain.part(0, 4), 5)


def test_one_repeat_can_be_enough():
    """A trial that loses every fold by far is given up after its first repeat, one that loses some of them is not."""
    assert futile(RULES["one_se"], Gain(((-0.5, -0.4, -0.6),), RATIO), 2)
    assert futile(RULES["one_se"], Gain(((-0.5, 0.4, -0.6),), RATIO), 5) is None
    assert futile(RULES["confirm"], Gain(((-0.5,) * 5,), RATIO), 2) == "first repeat Δ -0.5000: screened out"


def test_a_single_fold_has_no_deviation():
    """Of a single split nothing can be said before its end."""
    assert futile(RULES["one_se"], Gain(((-0.5,),), RATIO), 5) is None


def test_a_screened_trial_would_not_have_passed():
    """What `confirm` screens out after its first repeat it discards in the end, whatever the others say."""
    gain = Gain(((-0.001,) * 5, *((0.1, 0.11, 0.1, 0.09, 0.1),) * 4), RATIO)
    assert stopped(RULES["confirm"], gain) == 1
    assert not RULES["confirm"].decide(gain).keep


def by_family(gap: float) -> Callable[[object], float]:
    """Trees are ahead of linear models by `gap`."""
    return lambda choice: 0.8 + gap * choice["model"].startswith("t")  # type: ignore[index]


def test_a_family_that_loses_is_given_up():
    """A family whose best loses beyond noise in every background goes, all of its variants with it, and why is said."""
    trials = crossed(LEVELS, by_family(0.08), np.random.default_rng(10), sd=0.01)
    (found, *more) = dropped(AUC, trials, FAMILY | {("model", "l9"): "linear"}, RATIO)
    assert (found.slot, found.variants, found.kind) == ("model", ("l1", "l2", "l9"), "family")
    assert found.reason.startswith("family linear loses 0.0")
    assert more == []


def test_a_family_is_not_judged_by_one_trial():
    """One setting of a family may have been an unlucky one."""
    trials = crossed({"model": ["t1", "t2", "l1"]}, by_family(0.08), np.random.default_rng(11), sd=0.001)
    assert dropped(AUC, trials, FAMILY, RATIO) == []


def test_noise_gives_nothing_up():
    """Where all are equal, something of a slot is given up in at most one of twenty searches."""
    rng = np.random.default_rng(12)
    given_up = [dropped(AUC, crossed(LEVELS, by_family(0), rng), FAMILY, RATIO) for _ in range(150)]
    for slot in LEVELS:
        count = sum(any(one.slot == slot for one in found) for found in given_up)
        assert count <= 0.05 * 150 + 2 * (150 * 0.05 * 0.95) ** 0.5


def test_a_dominated_variant_is_given_up():
    """A variant that loses beyond noise in two backgrounds and wins in none goes; its family stays."""
    trials = crossed(LEVELS, lambda c: 0.7 if c["model"] == "t2" else 0.8, np.random.default_rng(13), sd=0.005)
    found = dropped(AUC, trials, FAMILY, RATIO)
    assert [(one.variants, one.kind) for one in found] == [(("t2",), "dominated")]
    alone = [trial for trial in trials if trial.choice["features"] == "f0"]
    assert dropped(AUC, alone, FAMILY, RATIO) == [], "one background is not enough"


def crashes(count: int, **choice: str) -> list[Tried]:
    """Trials of a composition that crashed."""
    return [failed(10 + i, {"features": f"f{i % 2}", **choice}) for i in range(count)]


def test_three_crashes_in_a_row_end_a_variant():
    """A variant goes after three crashes that nothing else explains; one that completed in between stays."""
    fine = crossed({"features": ["f0", "f1"], "model": ["t1"]}, by_family(0), np.random.default_rng(14))
    assert dropped(AUC, fine + crashes(CRASHES - 1, model="l1"), FAMILY, RATIO) == []
    (found,) = dropped(AUC, fine + crashes(CRASHES, model="l1"), FAMILY, RATIO)
    assert (found.slot, found.variants, found.kind) == ("model", ("l1",), "crashes")
    assert found.reason == "crashed 3 times in a row, last: ValueError: no"
    mended = scored(20, {"features": "f0", "model": "l1"}, 0.8 + noise(np.random.default_rng(15), 5, 0.01))
    assert dropped(AUC, [*fine, *crashes(2, model="l1"), mended, *crashes(2, model="l1")], FAMILY, RATIO) == []


def test_the_baseline_is_never_given_up():
    """Whatever crashes with it, the variants that the run began with stay."""
    fine = crossed({"features": ["f0"], "model": ["t1"]}, by_family(0), np.random.default_rng(16))
    trouble = [failed(i, {"features": "f0", "model": "t1"}, State.TIMED_OUT) for i in range(1, 6)]
    assert dropped(AUC, fine + trouble, FAMILY, RATIO) == []


def test_a_single_split_gives_nothing_up_for_its_scores():
    """One fold has no noise to judge by."""
    trials = [
        scored(t.n, t.choice, [[t.repeats[0][0]]]) for t in crossed(LEVELS, by_family(0.2), np.random.default_rng(17))
    ]
    assert dropped(AUC, trials, FAMILY, RATIO) == []
