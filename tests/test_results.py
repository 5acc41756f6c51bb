"""results.tsv: a view that is the same whenever it is rebuilt, and that only ever grows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import OUTCOMES, TAG, a_history, a_run, a_study, a_trial, edit, git, make_loop, settled
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.history import History
from autoresearch.results import header, render
from autoresearch.run import AuditRecord
from autoresearch.study import EvaluationSettings

ENDS = st.sampled_from(["keep", "discard", "crashed", "timed_out", "interrupted", "running"])


def audit(number: int, incumbent: int, after: float) -> AuditRecord:
    """The answer of an audit of trial `incumbent` against the baseline."""
    return AuditRecord(
        TAG, 5.0 + number, number, 0, incumbent, 0.71, after, after - 0.71, -0.1, 0.2, 0.025, "DeLong", unsealed=False
    )


def rows(text: str) -> list[list[str]]:
    """The cells of a view."""
    assert text.endswith("\n")
    return [line.split("\t") for line in text.removesuffix("\n").split("\n")]


def test_every_status():
    """One row per iteration with its seven-digit commit; an interrupted trial is no iteration, a crash no score."""
    assert rows(render(a_history("keep", "discard", "crashed", "timed_out", "interrupted"))) == [
        ["commit", "val_auc", "test_auc", "wall_time_s", "status", "description"],
        ["0000000", "0.800000", "sealed", "0.0", "keep", "try 0"],
        ["0000000", "0.900000", "sealed", "0.0", "keep", "try 1"],
        ["0000000", "0.700000", "sealed", "0.0", "discard", "try 2"],
        ["0000000", "", "sealed", "0.0", "crash", "try 3"],
        ["0000000", "", "sealed", "0.0", "crash", "try 4"],
    ]


def test_metric_names_the_columns():
    """The columns carry the metric's short name."""
    run = a_run(study=a_study(evaluation=EvaluationSettings("log_loss")))
    assert header(History(run, [a_trial(0)])).split("\t")[1:3] == ["val_log_loss", "test_log_loss"]


@given(st.lists(st.tuples(ENDS, st.text(max_size=30)), max_size=8))
def test_view_is_append_only(trials: list[tuple[str, str]]):
    """Whatever the texts in it, each row is six cells, and the view after any trial begins with the one before it."""
    made = [a_trial(n, end, hypothesis=said) for n, (end, said) in enumerate([("keep", ""), *trials])]
    before = ""
    for count in range(1, len(made) + 1):
        view = render(History(a_run(), made[:count]))
        assert view.startswith(before)
        assert all(len(row) == 6 for row in rows(view))
        assert len(rows(view)) == 1 + len(History(a_run(), made[:count]).iterations)
        before = view


def test_audited_trials_show_their_holdout_score():
    """An audit opens two cells; a later audit of another incumbent leaves the first one's."""
    history = a_history("keep", "keep", "discard")
    once = replace(history, audits=[audit(1, 1, 0.75)])
    twice = replace(history, audits=[audit(1, 1, 0.75), audit(2, 2, 0.76)])
    assert [row[2] for row in rows(render(once))[1:]] == ["0.710000", "0.750000", "sealed", "sealed"]
    assert [row[2] for row in rows(render(twice))[1:]] == ["0.710000", "0.750000", "0.760000", "sealed"]


def test_unsealed_study_shows_each_score():
    """In a study whose holdout is shown, each trial has its own."""
    history = History(a_run(), [a_trial(0, 0.8, test_score=0.6), a_trial(1, test_score=0.65)])
    assert [row[2] for row in rows(render(history))[1:]] == ["0.600000", "0.650000"]


def test_rebuilt_at_any_time_is_the_same(started: Path):
    """After every kind of trial, deleting the view and repairing gives the same bytes, in a clone of the folder too."""
    view = started / "results.tsv"
    for value, outcome in enumerate([*OUTCOMES.values(), "timeout: 180 s"], start=1):
        edit(started, value, outcome, f"tab\\tline\\n {value} ünïcode →")
        make_loop(started).step()
        before = view.read_bytes()
        view.unlink()
        settled(started)
        assert view.read_bytes() == before
        make_loop(started).stop()
        make_loop(started).resume()
        assert view.read_bytes() == before


def test_audits_are_no_edit(started: Path):
    """A view from before an audit, or between two, is brought up to date without being taken for an edited one."""
    ledger = make_loop(started).workspace.ledger
    for number in (1, 2):
        edit(started, number, f"scores: 0.9{number}")
        assert make_loop(started).step().notes == ()
        ledger.add_audit(audit(number, number, 0.75 + number / 100))
        assert make_loop(started).repair().notes == ()
    assert [row[2] for row in rows((started / "results.tsv").read_text())[1:]] == ["0.710000", "0.760000", "0.770000"]


def test_lagging_view_is_no_edit(started: Path):
    """A view that lacks the last rows, as after a restored backup, is completed in silence."""
    old = (started / "results.tsv").read_bytes()
    edit(started, 1)
    make_loop(started).step()
    (started / "results.tsv").write_bytes(old)
    assert settled(started)[1] == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("0.8", "0.9"),
        lambda text: text + "mine\n",
        lambda text: text[:-1],
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "",
        lambda text: "\n" + text,
    ],
    ids=["number", "row", "end", "line ends", "emptied", "before"],
)
def test_any_edit_is_kept_aside(started: Path, damage: Callable[[str], str]):
    """Whatever a person changes, the edited file is kept and the view rebuilt, once."""
    view = started / "results.tsv"
    before = view.read_text()
    view.write_bytes(damage(before).encode())
    _, notes = settled(started)
    assert view.read_text() == before
    kept = started / notes[0].rsplit(" ", 1)[1]
    assert kept.read_bytes() == damage(before).encode()
    assert git(started, "status", "--porcelain") == ""
