"""The policies of tree search: one contract for all of them, then what each one adds."""

import copy
import random
from pathlib import Path

import pytest
from fakes import TAG, a_tree, edit, make_loop, settled
from hypothesis import given
from hypothesis import settings as limits
from test_tree import histories

from autoresearch import lines
from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.proposals import DRAFTS, POLICIES, Action, Policy, Proposal, aide, generator, greedy, lookup, ucb
from autoresearch.tree import DEBUG_DEPTH, TRIES, Tree

WORSE = 0.5


def proposed(policy: Policy, history: History, seed: int = 1) -> Proposal:
    """What a policy proposes under a seed."""
    return policy(Tree(history), generator(seed, history))


def drafts(*scores: str | float) -> list[tuple[int, str | float]]:
    """Steps that try an approach each; without scores, five fair ones."""
    return [(0, score) for score in scores or (0.7, 0.71, 0.72, 0.73, 0.74)]


def dead(n: int) -> list[tuple[int, str | float]]:
    """Steps that exhaust trial `n`."""
    return [(n, WORSE)] * TRIES


def hopeless() -> list[tuple[int, str | float]]:
    """Steps of five approaches that crash, and were mended in vain as often as allowed."""
    mended = [(5 * depth + k, "crashed") for depth in range(DEBUG_DEPTH) for k in range(1, 6)]
    return [*drafts(*["crashed"] * 5), *mended]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
class TestEveryPolicy:
    @given(history=histories())
    @limits(deadline=None)
    def test_is_pure_and_seeded(self, policy: Policy, history: History):
        """The same history and seed give the same proposal, and the history is as it was."""
        before = copy.deepcopy(history.trials)
        assert proposed(policy, history, 7) == proposed(policy, history, 7)
        assert history.trials == before

    @given(history=histories())
    @limits(deadline=None)
    def test_proposes_what_can_be_done(self, policy: Policy, history: History):
        """Drafts start from the baseline, only open nodes are improved, only crashed leaves within depth debugged."""
        for seed in range(4):
            found = proposed(policy, history, seed)
            node = Tree(history).nodes[found.node]
            if found.action is Action.DRAFT:
                assert node.n == 0
            elif found.action is Action.DEBUG:
                assert node.trial.state.failed
                assert node.children == ()
                assert node.mended < DEBUG_DEPTH
            else:
                assert node.open
                assert not node.exhausted
            assert found.why

    @given(history=histories())
    @limits(deadline=None)
    def test_an_exhausted_root_is_left_while_something_is_open(self, policy: Policy, history: History):
        """Beyond the first drafts, no further approach is drafted from an exhausted baseline while a node is open."""
        tree = Tree(history)
        elsewhere = any(node.open for node in tree.nodes.values() if node.n)
        if tree.root.exhausted and elsewhere and len(tree.drafts) >= DRAFTS:
            assert proposed(policy, history).action is not Action.DRAFT

    def test_backtracks_after_so_many_failures(self, policy: Policy):
        """The best node is improved until it is exhausted, then another one is."""
        steps = drafts(0.7, 0.6, 0.65, 0.6, 0.9)
        for made in range(TRIES):
            assert (found := proposed(policy, a_tree(*steps, *dead(5)[:made]))).action is Action.IMPROVE
            assert found.node == 5 or policy is ucb
        assert proposed(policy, a_tree(*steps, *dead(5))).node != 5

    def test_first_is_a_draft(self, policy: Policy):
        """A fresh run begins with an approach of its own."""
        assert proposed(policy, a_tree()).action is Action.DRAFT

    def test_all_exhausted_is_a_new_draft(self, policy: Policy):
        """When nothing is open and nothing may be mended, another approach is drafted."""
        found = proposed(policy, a_tree(*hopeless()))
        assert found.action is Action.DRAFT
        assert "exhausted" in found.why

    def test_lookup_finds_it(self, policy: Policy):
        """A policy is found by its key."""
        assert policy in [lookup(name) for name in POLICIES]

    @given(history=histories())
    @limits(deadline=None, max_examples=30)
    def test_is_said_in_six_lines(self, policy: Policy, history: History):
        """What, why, how to get there and what was tried from there: six lines at most, each short."""
        found = proposed(policy, history)
        said = lines.proposal(history, "p", found)
        assert len(said) <= 6
        assert all(len(line) <= 240 for line in said)
        assert any(f"checkout {found.node}" in line or "you are there" in line for line in said)


class TestGreedy:
    def test_improves_the_incumbent(self):
        """The incumbent is the node to improve, whatever crashed beside it."""
        found = proposed(greedy, a_tree((0, 0.9), (1, 0.85), (1, "crashed")))
        assert (found.action, found.node) == (Action.IMPROVE, 1)

    def test_goes_up_to_the_last_open_node(self):
        """From an exhausted incumbent it goes back to where the incumbent came from."""
        found = proposed(greedy, a_tree((0, 0.85), (1, 0.9), *dead(2)))
        assert (found.action, found.node) == (Action.IMPROVE, 1)
        assert "trial 2, the incumbent, is exhausted after 3 trials without a gain; back to trial 1" in found.why

    def test_mends_when_nothing_else_is_open(self):
        """With every scored node exhausted, the last crashed leaf is mended."""
        found = proposed(greedy, a_tree((0, "crashed"), (0, "crashed"), (0, "timed_out")))
        assert (found.action, found.node) == (Action.DEBUG, 3)


class TestAide:
    @pytest.mark.parametrize("made", range(DRAFTS))
    def test_five_drafts_first(self, made: int):
        """Until five approaches were tried nothing is refined, not even after crashes and discards."""
        scores: list[str | float] = [0.9, "crashed", 0.5, "timed_out", 0.6]
        assert proposed(aide, a_tree(*((0, score) for score in scores[:made]))).action is Action.DRAFT

    def test_improves_the_best_then(self):
        """After the drafts the best one is improved, though it is not the incumbent."""
        found = proposed(aide, a_tree(*drafts(0.7, 0.6, 0.79, 0.6, 0.6)))
        assert (found.action, found.node) == (Action.IMPROVE, 3)

    def test_debugs_half_of_the_time(self):
        """With a crashed leaf the coin falls about evenly over seeds."""
        history = a_tree(*drafts(0.9, 0.6, "crashed", 0.6, 0.6))
        actions = [proposed(aide, history, seed).action for seed in range(400)]
        assert 160 < actions.count(Action.DEBUG) < 240
        assert set(actions) == {Action.DEBUG, Action.IMPROVE}

    def test_draws_among_crashed_leaves(self):
        """Every leaf that may be mended gets its chance."""
        history = a_tree(*drafts("crashed", "timed_out", 0.6, 0.6, 0.6))
        found = {proposed(aide, history, seed).node for seed in range(50)}
        assert {1, 2} <= found


class TestUcb:
    def test_promising_branch_with_few_trials_gets_its_turn(self):
        """A branch that is nearly as good as the best but was hardly tried is preferred to one tried often."""
        often = [(1, 0.88 + n / 1000) for n in range(8)]
        found = proposed(ucb, a_tree(*drafts(0.87, 0.5, 0.86, 0.5, 0.5), *often))
        assert found.node == 3

    def test_stays_with_a_clearly_better_branch_at_equal_counts(self):
        """Of branches tried equally often the better one is next, and its best node."""
        found = proposed(
            ucb, a_tree(*drafts(0.6, 0.9, 0.6, 0.7, 0.65), (1, 0.6), (2, 0.95), (3, 0.5), (4, 0.5), (5, 0.5))
        )
        assert (found.action, found.node) == (Action.IMPROVE, 7)

    def test_branch_of_crashes_is_mended(self):
        """A branch without a score offers its crashed leaf."""
        history = a_tree(*drafts("crashed", "crashed", "crashed", "crashed", "crashed"))
        assert proposed(ucb, history).action is Action.DEBUG

    def test_exhausted_branches_are_left(self):
        """With every branch exhausted another approach is drafted."""
        assert proposed(ucb, a_tree(*hopeless())).why == "every branch is exhausted"


def test_unknown_policy_lists_the_known_ones():
    """A misspelt policy is answered with the names that exist."""
    with pytest.raises(AutoresearchError, match="'bold' is not a known one; choose greedy, aide, ucb"):
        lookup("bold")


def test_randomness_is_that_of_seed_and_trials():
    """The generator depends on the seed and the number of trials, on nothing else."""
    one, other = a_tree((0, 0.9)), a_tree((0, "crashed"))
    assert generator(1, one).random() == generator(1, other).random()
    assert len({generator(seed, one).random() for seed in range(5)}) == 5
    assert generator(1, one).random() != generator(1, a_tree()).random()


@pytest.mark.parametrize("name", POLICIES)
def test_a_search_goes_where_it_is_sent(started: Path, name: str):
    """Sixteen real steps along the proposals, crashes among them: each can be followed, the ratchet advances."""
    loop = make_loop(started)
    outcomes, incumbents, seen = random.Random(5), [0.8], list[Proposal]()
    for value in range(1, 17):
        history = loop.workspace.current()
        found = proposed(POLICIES[name], history)
        seen.append(found)
        loop.checkout(found.node)
        assert loop.workspace.train.read_text() == history.find(found.node).source
        score = 0.78 + outcomes.random() / 20
        edit(started, value, "crash: ValueError: no" if outcomes.random() < 0.3 else f"scores: {score:.4f}")
        outcome = loop.step()
        assert outcome.trial
        assert outcome.trial.parent == found.node
        incumbents.append(outcome.history.incumbent.score or 0)
    assert incumbents == sorted(incumbents), "the incumbent only advances"
    assert incumbents[-1] > 0.8
    actions = {found.action for found in seen}
    assert actions >= {Action.DRAFT, Action.IMPROVE}
    loop.workspace.ledger.close()
    history, _ = settled(started)
    assert history.run.tag == TAG


def test_draft_improve_crash_debug_backtrack(started: Path):
    """A walk through every action: the tree, the branch and the incumbent are as they should be after each."""
    loop = make_loop(started)

    def step(node: int, value: int, outcome: str) -> int:
        loop.checkout(node)
        edit(started, value, outcome)
        trial = loop.step().trial
        assert trial
        return trial.n

    for value in range(1, DRAFTS + 1):
        assert proposed(aide, loop.workspace.current()).action is Action.DRAFT
        step(0, value, f"scores: {0.70 + value / 100}")
    assert proposed(aide, loop.workspace.current()).node == DRAFTS
    better = step(DRAFTS, 6, "scores: 0.9")
    crash = step(better, 7, "crash: ValueError: no")
    seeds = {proposed(aide, loop.workspace.current(), seed) for seed in range(20)}
    assert {(found.action, found.node) for found in seeds} == {(Action.DEBUG, crash), (Action.IMPROVE, better)}
    mended = step(crash, 8, "scores: 0.85")
    history = loop.workspace.current()
    assert Tree(history).nodes[mended].depth == 4
    assert history.incumbent.n == better
    for value in (9, 10):
        step(better, value, "scores: 0.6")
    found = proposed(aide, loop.workspace.current())
    assert (found.action, found.node) == (Action.IMPROVE, DRAFTS), "back to where the exhausted best came from"
    other = step(DRAFTS, 11, "scores: 0.95")
    loop.workspace.ledger.close()
    history, _ = settled(started)
    assert history.incumbent.n == other, "the incumbent advances on whichever branch it lies"
