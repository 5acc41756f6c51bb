"""What to try next in a tree of trials: draft an approach, debug a crash, or improve a node; docs/tree.md.

A new policy is a function and an entry of `POLICIES`. Policies are pure: the same tree and generator give
the same proposal. What is proposed is advice; the acceptance rule alone decides what is kept.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import shorten

from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.tree import DEBUG_DEPTH, TRIES, Node, Tree

__all__ = ["DRAFTS", "POLICIES", "Action", "Policy", "Proposal", "aide", "generator", "greedy", "lookup", "ucb"]

DRAFTS = 5  # approaches to try before any is refined
DEBUG_PROBABILITY = 0.5  # of mending a crashed leaf while something else could be improved


class Action(StrEnum):
    """What to do from a node."""

    DRAFT = "draft"
    DEBUG = "debug"
    IMPROVE = "improve"


@dataclass(frozen=True)
class Proposal:
    """One thing to try, the trial to start from, and why; a draft starts from the baseline, trial 0."""

    action: Action
    node: int
    why: str


Policy = Callable[[Tree, random.Random], Proposal]


def greedy(tree: Tree, rng: random.Random) -> Proposal:  # noqa: ARG001
    """Improve the incumbent; backtrack when it is exhausted."""
    return _improve(tree, tree.nodes[tree.history.incumbent.n], "the incumbent")


def aide(tree: Tree, rng: random.Random) -> Proposal:
    """Five drafts first; then debug a crashed leaf half of the time, else improve the best node.

    References
    ----------
    Jiang et al. (2025), AIDE: AI-driven exploration in the space of code, arXiv:2502.13138.
    """
    if proposal := _first_drafts(tree) or _maybe_debug(tree.mendable, rng):
        return proposal
    return _improve(tree, tree.best(tree.nodes.values()) or tree.root, "the best node")


def ucb(tree: Tree, rng: random.Random) -> Proposal:
    """Five drafts first; then the branch with the highest upper confidence bound, and the best node in it.

    A trial's reward is the share of scored trials that it is not worse than, 0 for a crash: free of the metric's
    scale. A promising branch with few trials has a wide bound, and gets its turn.

    References
    ----------
    Auer, Cesa-Bianchi & Fischer (2002), Finite-time analysis of the multiarmed bandit problem,
    Machine Learning 47 (UCB1).
    """
    if proposal := _first_drafts(tree):
        return proposal
    branches = [tree.branch(draft.n) for draft in tree.drafts]
    live = [nodes for nodes in branches if any(node.open or node.mendable for node in nodes)]
    if not live:
        return _draft(tree, "every branch is exhausted")
    trials = sum(len(nodes) for nodes in branches)
    bounds = [_reward(tree, nodes) + math.sqrt(2 * math.log(trials) / len(nodes)) for nodes in live]
    nodes, bound = max(zip(live, bounds, strict=True), key=lambda pair: pair[1])
    leaves = [node for node in nodes if node.mendable]
    said = f"branch {nodes[0].n} has the highest bound, {bound:.2f} after {_trials(len(nodes))}"
    best = tree.best(nodes)
    if best is None or (target := best if best.open else tree.backtrack(best, nodes)) is None:
        return _debug(rng.choice(leaves), said)
    return _maybe_debug(leaves, rng) or Proposal(Action.IMPROVE, target.n, f"{said}; {_said(tree, target)}")


POLICIES: dict[str, Policy] = {"greedy": greedy, "aide": aide, "ucb": ucb}


def lookup(name: str) -> Policy:
    """Find a policy by its name.

    Raises
    ------
    AutoresearchError
        The name is unknown; the message lists the known ones.
    """
    if name not in POLICIES:
        raise AutoresearchError(f"policy: {name!r} is not a known one; choose {', '.join(POLICIES)}")
    return POLICIES[name]


def generator(seed: int, history: History) -> random.Random:
    """The randomness of the next proposal: the same for the same seed and number of trials."""
    return random.Random(f"{seed}/{len(history.trials)}")  # noqa: S311


def _first_drafts(tree: Tree) -> Proposal | None:
    made = len(tree.drafts)
    if made >= DRAFTS:
        return None
    return Proposal(Action.DRAFT, 0, f"{made} of the first {DRAFTS} approaches were tried: another kind of model first")


def _maybe_debug(leaves: Sequence[Node], rng: random.Random) -> Proposal | None:
    """Debug one of `leaves` as the coin falls."""
    return _debug(rng.choice(leaves), "") if leaves and rng.random() < DEBUG_PROBABILITY else None


def _debug(leaf: Node, said: str) -> Proposal:
    error = shorten(leaf.trial.error or leaf.trial.label.lower(), 80, placeholder="…")
    why = f"trial {leaf.n} has no score ({error}); attempt {leaf.mended + 1} of {DEBUG_DEPTH} to mend it"
    return Proposal(Action.DEBUG, leaf.n, f"{said}; {why}" if said else why)


def _improve(tree: Tree, node: Node, what: str) -> Proposal:
    """Improve `node`, or backtrack from it; without an open node mend a crash, or draft once more."""
    if node.open:
        if node.parent is None:
            return _draft(tree, f"the baseline is {what}")
        return Proposal(Action.IMPROVE, node.n, f"{what}, {_said(tree, node)}")
    said = f"trial {node.n}, {what}, is exhausted after {_trials(node.failures)} without a gain"
    target = tree.backtrack(node, tree.nodes.values())
    if target is None:
        leaf = next(reversed(tree.mendable), None)
        return _debug(leaf, said) if leaf else _draft(tree, "every node is exhausted")
    if target.parent is None:
        return _draft(tree, f"{said}, and so is all between it and the baseline")
    return Proposal(Action.IMPROVE, target.n, f"{said}; back to {_said(tree, target)}")


def _draft(tree: Tree, why: str) -> Proposal:
    return Proposal(Action.DRAFT, tree.root.n, why)


def _said(tree: Tree, node: Node) -> str:
    score = f"val_{tree.history.metric.short}={node.trial.score or 0:.4f}"
    return f"trial {node.n}, {score}, {node.failures} of {TRIES} tries without a gain"


def _trials(count: int) -> str:
    return f"{count} trial" if count == 1 else f"{count} trials"


def _reward(tree: Tree, nodes: Sequence[Node]) -> float:
    """Mean over a branch of the share of scored trials that a trial is not worse than."""
    scored = [trial.score for trial in tree.history.complete if trial.score is not None]
    better = tree.history.metric.better
    return sum(
        0.0 if (score := node.trial.score) is None else sum(not better(s, than=score) for s in scored) / len(scored)
        for node in nodes
    ) / len(nodes)
