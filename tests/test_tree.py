"""The tree of a run: parents, branches, what is exhausted, and the way back from a dead end."""

import json
from dataclasses import replace

import pytest
from fakes import a_history, a_run, a_study, a_tree, a_trial
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from autoresearch import console
from autoresearch.history import History
from autoresearch.study import EvaluationSettings
from autoresearch.tree import DEBUG_DEPTH, TRIES, Tree, as_dict, improves

OUTCOMES = st.sampled_from(["crashed", "timed_out", "interrupted", "running"]) | st.floats(0.5, 0.98)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any tree of up to 25 trials."""
    count = draw(st.integers(0, 25))
    return a_tree(*((draw(st.integers(0, n)), draw(OUTCOMES)) for n in range(count)))


@given(histories())
def test_is_a_tree_over_the_trials_that_ended(history: History):
    """Each ended trial but the root is the child of one node, one deeper, in one branch."""
    tree = Tree(history)
    assert set(tree.nodes) == {trial.n for trial in history.iterations}
    for node in tree.nodes.values():
        if node.parent is None:
            assert (node.n, node.depth, node.branch) == (0, 0, None)
            continue
        above = tree.nodes[node.parent]
        assert above.n < node.n
        assert node.n in above.children
        assert node.depth == above.depth + 1
        assert node.branch == (node.n if above.n == 0 else above.branch)
    assert sum(len(node.children) for node in tree.nodes.values()) == len(tree.nodes) - 1
    assert 1 + sum(len(tree.branch(draft.n)) for draft in tree.drafts) == len(tree.nodes)


@given(histories())
def test_marks_follow_from_the_children(history: History):
    """Open nodes have a score and fewer fruitless children than allowed; what may be mended is a crashed leaf."""
    tree = Tree(history)
    for node in tree.nodes.values():
        assert node.failures <= len(node.children)
        assert node.exhausted == (node.failures >= TRIES)
        assert not (node.open and node.mendable)
        if node.mendable:
            assert node.trial.state.failed
            assert not node.children
            assert node.mended < DEBUG_DEPTH
        best = tree.backtrack(node, tree.nodes.values())
        assert best is None or best.open
        assert best or not any(other.open for other in tree.nodes.values())


@given(histories())
def test_json_is_complete(history: History):
    """The JSON names every node once, and one incumbent."""
    facts = json.loads(json.dumps(as_dict(Tree(history))))
    assert [node["n"] for node in facts["nodes"]] == [trial.n for trial in history.iterations]
    assert [node["n"] for node in facts["nodes"] if node["incumbent"]] == [history.incumbent.n]


def test_child_of_an_interrupted_trial_belongs_to_the_one_above():
    """An interrupted trial is no node; what was made from it hangs where it hung."""
    assert Tree(a_tree((0, 0.7), (1, "interrupted"), (2, 0.75))).nodes[3].parent == 1


def test_a_gain_begins_the_count_anew():
    """Children since the last one that improved on a node count, and as many as allowed exhaust it."""
    worse = [(1, 0.6)] * (TRIES - 1)
    tree = Tree(a_tree((0, 0.85), *worse, (1, 0.9), *worse))
    assert (tree.nodes[1].failures, tree.nodes[1].exhausted) == (TRIES - 1, False)
    assert Tree(a_tree((0, 0.85), *worse, (1, "crashed"))).nodes[1].exhausted


def test_a_gain_within_the_noise_of_the_parent_is_none():
    """A discarded child improves on its parent beyond one standard error of their paired difference only."""
    history = a_tree((0, 0.85), (0, 0.7))
    parent = history.trials[2]
    noisy = replace(a_trial(3, "discard"), scores=((0.65, 0.75, 0.73),) * 2)
    clear = replace(a_trial(3, "discard"), scores=((0.75, 0.76, 0.77),) * 2)
    assert [improves(history, parent, child) for child in (noisy, clear)] == [False, True]


def test_single_fold_without_an_error_counts_by_its_sign():
    """Where one split leaves no standard error between two trials, any gain is progress."""
    history = a_history()
    one, other = (replace(a_trial(n, "discard"), scores=((score,),)) for n, score in ((1, 0.7), (2, 0.71)))
    assert improves(history, one, other)
    assert not improves(history, other, one)


def test_any_score_mends_a_crash():
    """A child with a score is progress on a crashed parent, a second crash is not."""
    tree = Tree(a_tree((0, "crashed"), (1, "crashed"), (1, 0.6)))
    assert tree.nodes[1].failures == 0
    assert tree.nodes[2].mended == 1


def test_mending_ends_at_its_depth():
    """A crash that was mended in vain as often as allowed is left alone."""
    steps = [(n, "crashed") for n in range(DEBUG_DEPTH + 1)]
    assert Tree(a_tree(*steps[:-1])).nodes[DEBUG_DEPTH].mendable
    assert not Tree(a_tree(*steps)).mendable


def test_way_back_is_the_last_open_node_above_then_the_best_elsewhere():
    """From a dead end one goes up to the nearest open node; with none above, to the best open one."""
    dead = [(2, 0.5)] * TRIES
    history = a_tree((0, 0.85), (1, 0.9), *dead)
    tree = Tree(history)
    found = tree.backtrack(tree.nodes[2], tree.nodes.values())
    assert found is tree.nodes[1]
    tree = Tree(a_tree((0, 0.85), *[(1, 0.5)] * TRIES, (0, 0.6), *[(0, "crashed")] * (TRIES - 1)))
    found = tree.backtrack(tree.nodes[1], tree.nodes.values())
    assert found is tree.nodes[TRIES + 2]


def test_best_heeds_the_direction():
    """Of losses the smallest is the best; of equals the earlier; crashes have no say."""
    losses = replace(a_study(), evaluation=EvaluationSettings("log_loss"))
    tree = Tree(replace(a_tree((0, 0.6), (0, 0.6), (0, "crashed")), run=a_run(study=losses)))
    best = tree.best(tree.nodes.values())
    assert best
    assert best.n == 1
    assert tree.best([tree.nodes[3]]) is None


def drawn(monkeypatch: pytest.MonkeyPatch, history: History, **options: object) -> list[str]:
    """Lines that `draw` prints."""
    made: list[Console] = []

    def record(**more: object) -> Console:
        made.append(Console(**{**options, **more}, record=True, file=open("/dev/null", "w")))  # type: ignore[arg-type] # noqa: SIM115, PTH123
        return made[-1]

    monkeypatch.setattr(console, "Console", record)
    console.draw(Tree(history))
    return made[-1].export_text().splitlines()


def test_drawing_shows_scores_verdicts_and_marks(monkeypatch: pytest.MonkeyPatch):
    """A trial is a line below its parent, with score, Δ ± SE, verdict, incumbent and what is exhausted."""
    history = a_tree((0, 0.9), (1, 0.85), (1, "crashed"), (1, 0.5))
    lines = drawn(monkeypatch, history)
    assert lines[0] == "0 0.8000 BASELINE try 0"
    assert lines[1] == "└── 1 0.9000 (Δ +0.0100 ± 0.0100) KEPT [incumbent] [exhausted] try 1"
    assert lines[3] == "    ├── 3 no score CRASHED [to mend] try 3"


def test_drawing_keeps_a_deep_tree_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch):
    """A lineage of eighty trials is drawn whole, in a pipe and on a narrow terminal too; a line is cut there."""
    history = a_tree(*((n, 0.8 + n / 1000) for n in range(80)))
    assert drawn(monkeypatch, history)[-1].endswith("try 80")
    narrow = drawn(monkeypatch, history, force_terminal=True, width=60)
    assert len(narrow) == 81
    assert "80 0.8790 (Δ +0.0100 ± 0.0100) KEPT" in narrow[-1]
