"""The commands of tree search and review: what they print, and that they change nothing they should not."""

import json
import sqlite3
from pathlib import Path

import pytest
from fakes import OUTCOMES, FakeScorer, edit, everything, make_loop
from support import Said, always, call

from autoresearch.checks import REMARK
from autoresearch.ledger import Ledger


def said(root: Path, *words: str) -> Said:
    """Run a command of the line, with a scripted scorer."""
    return call(root, *words, make=always(FakeScorer()))


def steps(root: Path, *outcomes: str) -> None:
    """Make trials, each from where the last left train.py."""
    loop = make_loop(root)
    for outcome in outcomes:
        edit(root, len(loop.workspace.current().trials), OUTCOMES[outcome])
        loop.step()
    loop.workspace.ledger.close()


@pytest.mark.parametrize("policy", ["greedy", "aide", "ucb"])
def test_next_says_how_to_get_there_and_changes_nothing(started: Path, policy: str):
    """The proposal names what, why and the command; refs, files and ledger are as before."""
    steps(started, "crash", "keep", "discard")
    before = everything(started)
    found = said(started, "next", "--policy", policy, "--seed", "3")
    assert found.code == 0, found.err
    assert 4 <= len(found.lines) <= 6
    assert found.lines[0].startswith("next: ")
    assert found.lines[1].startswith("why: ")
    assert said(started, "next", "--policy", policy, "--seed", "3").lines == found.lines
    assert everything(started) == before


def test_next_as_json(started: Path):
    """Programs get action, node, reason, policy, seed, and whether they are there already."""
    steps(started, "keep")
    facts = json.loads(said(started, "next", "--json").out)
    assert facts.items() >= {"action": "draft", "node": 0, "policy": "aide", "seed": 1, "here": False}.items()
    assert "go there: uv run autoresearch checkout 0" in said(started, "next").lines
    assert said(started, "checkout", "0").code == 0
    assert json.loads(said(started, "next", "--json").out)["here"]
    assert "you are there" in said(started, "next").out


def test_next_refuses(started: Path):
    """An unknown policy is answered with the known ones; an ended run has nothing to try next."""
    assert "choose greedy, aide, ucb" in said(started, "next", "--policy", "x").err
    make_loop(started).stop()
    found = said(started, "next")
    assert found.code == 4
    assert "has ended" in found.err


def test_tree_is_drawn_plainly_and_as_json(started: Path):
    """Without a terminal a line a trial, without colours; the JSON has the same nodes; nothing changes."""
    steps(started, "keep", "discard", "crash")
    before = everything(started)
    found = said(started, "tree")
    assert found.lines[0].startswith("0 0.8000 BASELINE")
    assert found.lines[1].startswith("└── 1 0.9000 (Δ +0.1000 ± 0.0000) KEPT [incumbent]")
    assert found.lines[3].startswith("    └── 3 no score CRASHED [to mend]")
    assert "\x1b" not in found.out
    nodes = json.loads(said(started, "tree", "--json").out)["nodes"]
    assert [(node["n"], node["parent"], node["verdict"]) for node in nodes] == [
        (0, None, "keep"),
        (1, 0, "keep"),
        (2, 1, "discard"),
        (3, 1, None),
    ]
    assert everything(started) == before


def test_note_is_shown_wherever_the_trial_is(started: Path):
    """A reviewer's finding stands in show, status and its JSON, and in the report; the ratchet is untouched."""
    steps(started, "keep")
    before = everything(started)
    assert said(started, "note", "1", "the gain\n looks\x1b real").lines == ["review of trial 1: the gain looks real"]
    assert everything(started) == before
    assert said(started, "note", "1", "checked twice").code == 0
    assert "review of trial 1: the gain looks real\nreview of trial 1: checked twice" in said(started, "show", "1").out
    assert "review of" not in said(started, "show", "0").out
    assert "review of trial 1: checked twice" in said(started, "status").out
    reviews = json.loads(said(started, "status", "--json").out)["reviews"]
    assert [(review["n"], review["text"]) for review in reviews] == [(1, "the gain looks real"), (1, "checked twice")]
    report = Path(said(started, "report").lines[-1]).read_text()
    assert "## Reviews\n\n- trial 1: the gain looks real\n- trial 1: checked twice\n" in report


@pytest.mark.parametrize(
    ("n", "text", "why"),
    [("1", "x", "has no trial 1"), ("0", " \n", "0 characters"), ("0", "x" * (REMARK + 1), f"1 to {REMARK} fit")],
)
def test_note_refuses(started: Path, n: str, text: str, why: str):
    """A note needs a trial, and between one and so many characters."""
    found = said(started, "note", n, text)
    assert found.code == 1
    assert why in found.err


def test_note_does_not_wait_for_a_step(started: Path):
    """A reviewer can write while a trial runs, on an ended run too."""
    with make_loop(started).workspace.lock("step"):
        assert said(started, "note", "0", "meanwhile").code == 0
    make_loop(started).stop()
    assert said(started, "note", "0", "afterwards").code == 0


def test_report_without_reviews_says_nothing_of_them(started: Path):
    """No empty section where nobody reviewed."""
    assert "## Reviews" not in Path(said(started, "report").lines[-1]).read_text()


def test_older_ledger_gains_reviews(started: Path):
    """A ledger from before reviews is opened, keeps what it has, and takes them."""
    workspace = make_loop(started).workspace
    trials = workspace.ledger.trials("t")
    path = workspace.ledger.path
    workspace.ledger.close()
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE review")
    database.close()
    assert said(started, "note", "0", "new").code == 0
    ledger = Ledger(path.parent)
    assert ledger.trials("t") == trials
    assert [review.text for review in ledger.reviews("t")] == ["new"]
    ledger.close()
