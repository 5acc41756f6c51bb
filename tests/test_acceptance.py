"""The acceptance rules: one contract for all of them, then what each one adds."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.acceptance import RULES, SAME, Confirm, OneSE, Rule, Strict, decide, lookup
from autoresearch.errors import StudyError
from autoresearch.metrics import METRICS
from autoresearch.statistics import Gain, paired_gains

NOISE = (-0.002, 0.001, 0.0, -0.001, 0.002)


def gain(*means: float, noise: float = 1.0) -> Gain:
    """A gain with the given mean in each repeat and a little variance between folds."""
    return Gain(tuple(tuple(m + noise * e for e in NOISE) for m in means), 0.25)


def judge(rule: Rule, found: Gain, lines_lost: int = 0, *, simplify: bool = False) -> bool:
    """Whether the trial is kept."""
    return decide(rule, found, simplify=simplify, lines_lost=lines_lost).keep


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestEveryRule:
    def test_clear_gain_is_kept(self, rule: Rule):
        """A gain far beyond the noise, in every fold, is kept."""
        assert judge(rule, gain(0.05, 0.05, 0.05, 0.05, 0.05))

    def test_clear_loss_is_discarded(self, rule: Rule):
        """A loss far beyond the noise is discarded."""
        assert not judge(rule, gain(-0.05, -0.05, -0.05))

    def test_no_change_is_discarded(self, rule: Rule):
        """The same scores are no gain."""
        assert not judge(rule, Gain(((0.0,) * 5,) * 5, 0.25))

    def test_single_repeat_is_decided(self, rule: Rule):
        """One repeat is enough for an answer, either way."""
        assert judge(rule, gain(0.05))
        assert not judge(rule, gain(-0.05))

    def test_single_split_is_decided_by_its_row_error(self, rule: Rule):
        """A large table's single split is kept far beyond its row-level error and discarded below zero."""
        assert judge(rule, Gain(((0.05,),), 0.25, row_se=0.01))
        assert not judge(rule, Gain(((-0.05,),), 0.25, row_se=0.01))

    def test_same_gain_gives_same_decision(self, rule: Rule):
        """Rules remember nothing."""
        found = gain(0.01, -0.002, 0.004)
        first = rule.decide(found)
        rule.decide(gain(0.5, 0.5))
        assert rule.decide(found) == first

    def test_unknown_scores_are_discarded(self, rule: Rule):
        """A gain that is not a number is no gain."""
        assert not judge(rule, Gain(((math.nan,) * 5,) * 2, 0.25))

    def test_reason_names_rule_and_figures(self, rule: Rule):
        """A verdict can be read without the code."""
        decision = rule.decide(gain(0.0123, 0.0123))
        assert decision.rule == rule.name
        assert "+0.0123" in decision.reason

    def test_lookup_finds_it(self, rule: Rule):
        """A rule's key in the registry is its name."""
        assert lookup(rule.name) is rule

    @given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=10, max_size=10), min_size=1, max_size=5))
    def test_direction_symmetry(self, rule: Rule, rows: list[list[float]]):
        """Negating all scores and flipping the direction gives the same decision, word for word."""
        before, after = [row[:5] for row in rows], [row[5:] for row in rows]
        negated = [[[-score for score in repeat] for repeat in version] for version in (before, after)]
        up, down = METRICS["r2"], replace(METRICS["r2"], direction="minimize")
        one, other = paired_gains(up, before, after, 0.25), paired_gains(down, *negated, 0.25)
        assert rule.decide(one) == rule.decide(other)

    @given(st.lists(st.lists(st.floats(-1, 1), min_size=5, max_size=5), min_size=1, max_size=5))
    def test_never_keeps_both_ways(self, rule: Rule, rows: list[list[float]]):
        """If going there is a gain, going back is none."""
        there = Gain(tuple(map(tuple, rows)), 0.25)
        back = Gain(tuple(tuple(-g for g in row) for row in rows), 0.25)
        assert not (judge(rule, there) and judge(rule, back))

    @given(st.lists(st.lists(st.floats(-1, 1), min_size=5, max_size=5), min_size=1, max_size=5))
    def test_keeps_nothing_that_strict_discards(self, rule: Rule, rows: list[list[float]]):
        """Every rule asks for a gain at least; on what it looks at, none is bolder than strict."""
        found = Gain(tuple(map(tuple, rows)), 0.25)
        seen = found.part(1) if rule.name == "confirm" and len(rows) > 1 else found
        assert not judge(rule, found) or judge(Strict(), seen)

    def test_simplify_keeps_the_same_score_with_fewer_lines(self, rule: Rule):
        """With simplify, a shorter file that scores the same is kept, and says so."""
        same = Gain(((0.0,) * 5,) * 5, 0.25)
        decision = decide(rule, same, simplify=True, lines_lost=3)
        assert (decision.keep, decision.rule) == (True, "simplify")
        assert "3 lines fewer" in decision.reason
        assert judge(rule, Gain(((-SAME / 2,) * 5,) * 5, 0.25), 3, simplify=True)

    def test_simplify_asks_for_both(self, rule: Rule):
        """A worse score, or a file that is not shorter, is not kept for simplicity."""
        same = Gain(((0.0,) * 5,) * 5, 0.25)
        assert not judge(rule, same, 3)
        assert not judge(rule, same, 0, simplify=True)
        assert not judge(rule, same, -3, simplify=True)
        assert not judge(rule, gain(-0.01, -0.01), 3, simplify=True)

    def test_simplify_leaves_a_gain_to_the_rule(self, rule: Rule):
        """A clear gain is kept by the rule, whatever its length."""
        assert decide(rule, gain(0.05, 0.05), simplify=True, lines_lost=-9).rule == rule.name


def test_strict_keeps_noise():
    """Strict keeps a gain that is far below its standard error."""
    small = gain(0.0001, 0.0001)
    assert small.delta < small.se
    assert judge(Strict(), small)


def test_one_se_discards_what_is_within_one_standard_error():
    """One standard error is the threshold, and it is not enough to equal it."""
    found = gain(0.0, 0.0)
    se = found.se
    shifted = [Gain(tuple(tuple(g + factor * se for g in r) for r in found.repeats), 0.25) for factor in (0.9, 1.1)]
    assert [judge(OneSE(), found) for found in shifted] == [False, True]


def test_one_se_without_an_error_keeps_nothing():
    """A single fold has no standard error, and so no proof of a gain."""
    assert not judge(OneSE(), Gain(((0.5,),), 0.25))
    assert not judge(Confirm(), Gain(((0.5,), (0.5,)), 0.25))


def test_one_se_keeps_an_equal_gain_in_every_fold():
    """A gain without variance has a standard error of zero and is beyond it."""
    assert judge(OneSE(), Gain(((0.01,) * 5,), 0.25))


def test_confirm_screens_on_the_first_repeat():
    """A trial that does not gain on the first repeat is out, however well the others do."""
    decision = Confirm().decide(gain(-0.001, 0.05, 0.05, 0.05, 0.05))
    assert not decision.keep
    assert "screened out" in decision.reason


def test_confirm_decides_on_the_other_repeats_alone():
    """A lucky first repeat does not count towards the confirmation."""
    assert not judge(Confirm(), gain(0.5, -0.001, 0.0, 0.0, 0.0))
    assert judge(Confirm(), gain(0.0001, 0.05, 0.05, 0.05, 0.05))


def test_confirm_with_one_repeat_says_so():
    """With nothing left to confirm on, it decides as one_se and admits it."""
    for found in (gain(0.05), gain(0.0005)):
        decision = Confirm().decide(found)
        assert decision.keep is OneSE().decide(found).keep
        assert "nothing to confirm on" in decision.reason


def test_unknown_rule_lists_the_known_ones():
    """A misspelt rule is answered with the names that exist."""
    with pytest.raises(StudyError, match="'bold' is not a known rule; choose strict, one_se, confirm"):
        lookup("bold")
