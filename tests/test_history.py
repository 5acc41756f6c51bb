"""The history: a pure view of a run's trials, from which everything is decided and said."""

import math
from dataclasses import replace

import pytest
from fakes import a_history, a_run, a_study, a_trial, version
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.errors import LedgerError
from autoresearch.history import History
from autoresearch.study import EvaluationSettings
from autoresearch.trial import State, Verdict

OUTCOMES = st.lists(st.sampled_from(["keep", "discard", "crashed", "timed_out", "interrupted"]), max_size=12)


@given(OUTCOMES)
def test_parts_agree_with_each_other(outcomes: list[str]):
    """Kept trials are complete, complete ones ended, and the incumbent is the last kept one."""
    history = a_history(*outcomes)
    assert set(history.kept) <= set(history.complete) <= set(history.iterations) <= set(history.trials)
    assert history.baseline is history.trials[0]
    assert history.incumbent.n == max([0, *(n for n, said in enumerate(outcomes, start=1) if said == "keep")])
    assert len(history.trials) - len(history.iterations) == outcomes.count("interrupted")
    assert history.used_iterations == len(history.iterations) - 1
    assert all(trial.score is None for trial in history.trials if trial.state.failed), "a crash has no score"
    assert (history.claim() is None) == ("keep" not in outcomes)


@given(OUTCOMES, st.integers(0, 12))
def test_resumed_budget_counts_from_there(outcomes: list[str], n: int):
    """Iterations before a resume are not the current budget's."""
    history = a_history(*outcomes, resumed_n=n)
    assert history.used_iterations == sum(said != "interrupted" for said in outcomes[n:])


@pytest.mark.parametrize(
    ("outcomes", "failures"),
    [
        ([], 0),
        (["crashed", "keep"], 0),
        (["keep", "crashed", "timed_out"], 2),
        (["crashed", "interrupted", "crashed"], 2),
        (["crashed", "discard", "timed_out"], 1),
    ],
)
def test_failures_in_a_row(outcomes: list[str], failures: int):
    """Crashes and time-outs at the end count, interrupted trials in between do not end the row."""
    assert a_history(*outcomes).failures_in_a_row() == failures


@pytest.mark.parametrize("n", [-1, 3, 100])
def test_unknown_trial(n: int):
    """A number without a trial is refused with the numbers there are."""
    with pytest.raises(LedgerError, match=rf"run 't' has no trial {n}; it has 0 to 2"):
        a_history("keep", "discard").find(n)


def test_known_code_is_that_of_trials_that_ended():
    """A version is known by its code, or but for its seeds, once its trial ended; an interrupted one is new."""
    history = a_history("keep", "interrupted", "crashed")
    for trial in history.trials:
        expected = None if trial.state is State.INTERRUPTED else trial
        assert history.same_code(trial.code) is expected
        assert history.same_but_for_seeds(trial.seedless) is expected
    assert history.same_code("new") is None


def test_known_file():
    """A file is known by its bytes, line ends aside, interrupted trials included; a comment more is another file."""
    history = a_history("interrupted")
    assert history.knows(version(1))
    assert history.knows(version(1).replace("\n", "\r\n"))
    assert not history.knows(version(1) + "# a thought\n")
    assert history.source_of("c" * 40) is history.trials[-1]
    assert history.source_of("d" * 40) is None


def test_parent_is_the_runs():
    """The parent of the next trial is the one the run names, kept or not."""
    history = a_history("keep", "discard", parent=2)
    assert (history.parent.n, history.incumbent.n) == (2, 1)


class TestClaim:
    def test_gain_over_the_baseline_with_all_trials_counted(self):
        """The claim is the incumbent's paired gain, with an interval that widens with the trials made."""
        few = a_history(0.85).claim()
        many = a_history(*["discard"] * 20, 0.85).claim()
        assert few
        assert many
        assert few.delta == many.delta == pytest.approx(0.05)
        assert (few.trials, many.trials) == (1, 21)
        assert few.low == pytest.approx(few.delta), "equal gains in all folds have no variance"

    def test_interval_widens(self):
        """More trials, a wider interval around the same gain."""
        noisy = a_trial(1, 0.85)
        noisy = replace(noisy, scores=((0.82, 0.85, 0.88), (0.81, 0.86, 0.88)))
        few = History(a_run(), [a_trial(0, 0.8), noisy]).claim()
        others = [a_trial(n, "discard") for n in range(2, 12)]
        many = History(a_run(), [a_trial(0, 0.8), noisy, *others]).claim()
        assert few
        assert many
        assert many.low < few.low < few.delta < few.high < many.high

    def test_smaller_is_better_for_an_error(self):
        """For a metric to be minimised a drop is a gain."""
        run = a_run(study=a_study(evaluation=EvaluationSettings("log_loss")))
        claim = History(run, [a_trial(0, 0.8), a_trial(1, 0.7)]).claim()
        assert claim
        assert claim.delta == pytest.approx(0.1)


def test_threshold_is_the_median_error_of_comparisons():
    """What was distinguishable is the median SE of the differences, without those that have none."""
    assert a_history("keep").threshold() is None
    errors = (0.03, math.nan, 0.01, 0.02, None)
    trials = [a_trial(n, "discard", delta_se=error) for n, error in enumerate(errors, start=1)]
    assert History(a_run(), [a_trial(0, 0.8), *trials]).threshold() == 0.02


def test_verdict_and_state_are_two_things():
    """A crash has no verdict, a complete trial one; labels and statuses follow."""
    words = {trial.label: trial.status for trial in a_history("keep", "discard", "crashed", "timed_out").trials}
    assert words == {"KEPT": "keep", "DISCARDED": "discard", "CRASHED": "crash", "TIMED OUT": "crash"}
    assert a_trial(1, "crashed").verdict is None
    assert a_trial(1, "discard").verdict is Verdict.DISCARD
