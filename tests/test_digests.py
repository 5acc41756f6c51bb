"""Digests: what the ledger counts is what the whole history says, and a view that is current is not rebuilt."""

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import OUTCOMES, a_run, a_trial, edit, make_loop
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.digests import Digests
from autoresearch.history import History
from autoresearch.ledger import Ledger
from autoresearch.trial import State
from autoresearch.tried import Level

ENDS = st.sampled_from([0.9, 0.7, "keep", "discard", "crashed", "timed_out", "interrupted", "running"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A ledger for properties, which enter their runs under new tags."""
    return Ledger(tmp_path_factory.mktemp("ledger"))


@given(st.lists(st.tuples(ENDS, st.none() | st.floats(0, 1)), max_size=12), st.integers(0, 3), st.integers(1, 6))
def test_a_summary_is_that_of_the_whole_history(
    shared: Ledger, ends: list[tuple[str | float, float | None]], resumed: int, last: int
) -> None:
    """Counts, incumbent, last trials, noise and failures are the same, counted or read."""
    run = a_run(f"t{len(shared.runs())}", resumed_n=resumed)
    shared.add_run(run, replace(a_trial(0, 0.8), tag=run.tag))
    for end, error in ends:
        trial = a_trial(1, end)
        shared.add_trial(replace(trial, tag=run.tag, delta_se=error if trial.state is State.COMPLETE else None))
    whole = History(run, shared.trials(run.tag), shared.audits(run.tag), 0, shared.reviews(run.tag))
    digests = Digests(shared, run)
    assert digests.summary(last) == whole.summary(last)
    assert digests.summary(last).claim() == whole.claim()
    assert shared.ended(run.tag) == len(whole.iterations)
    assert shared.unsettled(run.tag) == [trial for trial in whole.trials if not trial.settled]


def test_what_a_trial_was_composed_of_is_read_back(tmp_path: Path) -> None:
    """Choice and parameters come back as they were entered, with the scores; trials that somebody wrote are no such."""
    ledger, run = Ledger(tmp_path), a_run()
    ledger.add_run(run, a_trial(0, 0.8))
    ledger.add_choice("t", 0, {"features": "as_is", "model": "ridge"}, {})
    ledger.add_trial(
        a_trial(1, "keep"), {"features": "logs", "model": "ridge"}, {"model.alpha": 0.5, "model.kind": "a"}
    )
    ledger.add_trial(a_trial(2, "discard"))
    ledger.add_trial(a_trial(3, "crashed"), {"features": "logs", "model": "bayes"})
    first, tuned, crashed = Digests(ledger, run).tried()
    assert (first.n, first.choice, first.params, first.kept) == (0, {"features": "as_is", "model": "ridge"}, {}, True)
    assert tuned.cell == (Level("logs"), Level("ridge", (("alpha", 0.5), ("kind", "a"))))
    assert tuned.repeats == a_trial(1, "keep").scores
    assert (crashed.n, crashed.state, crashed.reason, crashed.score) == (3, State.CRASHED, "ValueError: no", None)
    assert [trial.n for trial in Digests(ledger, run).tried(most=5)] == [0, 3]
    assert [trial.n for trial in Digests(ledger, run).tried(most=1)] == [0]


def test_a_choice_is_entered_with_its_trial_or_not_at_all(tmp_path: Path) -> None:
    """A choice that cannot be written takes its trial with it."""
    ledger = Ledger(tmp_path)
    ledger.add_run(a_run(), a_trial(0, 0.8))
    with pytest.raises(TypeError):
        ledger.add_trial(a_trial(1, "keep"), {"model": "x"}, {"model.kind": object()})
    assert len(ledger.trials("t")) == 1


def test_an_older_ledger_gains_the_choices(tmp_path: Path) -> None:
    """A ledger from before there were choices opens, keeps its trials and takes choices from then on."""
    ledger = Ledger(tmp_path)
    ledger.add_run(a_run(), a_trial(0, 0.8))
    for name in ("INDEX trial_facts", "INDEX trial_noise", "INDEX trial_open", "INDEX trial_failed", "TABLE choice"):
        ledger.read(f"DROP {name}")
    ledger.close()
    again = Ledger(tmp_path)
    again.add_choice("t", 0, {"model": "ridge"}, {})
    assert len(Digests(again, a_run()).tried()) == 1


def test_results_edited_without_changing_their_size_are_noticed(started: Path) -> None:
    """A view that was found current is compared again once its file changed in any way."""
    edit(started, 1, OUTCOMES["keep"])
    loop = make_loop(started)
    loop.step()
    path = started / "results.tsv"
    text = path.read_text()
    assert loop.repair().notes == ()
    path.write_text(text.replace("keep", "KEEP"))
    assert len(path.read_text()) == len(text)
    assert any("results.tsv had been edited" in note for note in loop.repair().notes)
    assert path.read_text() == text


def test_a_current_view_is_not_read(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While neither the record nor the file changed no trial is read to repair; a file that is gone is missed."""
    loop = make_loop(started)
    loop.repair()

    def never(*_: object) -> None:
        raise AssertionError("all trials were read")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "trials", never)
        assert loop.mend() == ()
    (started / "results.tsv").unlink()
    assert any("results.tsv was missing" in note for note in loop.mend())
