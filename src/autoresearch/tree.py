"""The tree of a run: its trials by their parents, what is exhausted and what is open. A pure view of the history.

The baseline is the root, a draft is a child of it, and a branch is a draft with all that grew from it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autoresearch.history import History
from autoresearch.statistics import paired_gains
from autoresearch.trial import State, Trial, Verdict

__all__ = ["DEBUG_DEPTH", "TRIES", "Node", "Tree", "as_dict", "improves"]

TRIES = 3  # children in a row without a gain after which a node is exhausted
DEBUG_DEPTH = 3  # attempts in a row to mend a crash


@dataclass(frozen=True)
class Node:
    """A trial's place in the tree.

    Parameters
    ----------
    parent
        The nearest ancestor whose trial ended; None for the root.
    depth
        Steps from the root.
    branch
        The draft it grew from; None for the root.
    failures
        Children since the last one that improved on it.
    mended
        Attempts to mend a crash that lie above it in a row: 0 where its parent has a score.
    """

    trial: Trial
    parent: int | None
    children: tuple[int, ...]
    depth: int
    branch: int | None
    failures: int
    mended: int

    @property
    def n(self) -> int:
        """The trial's number."""
        return self.trial.n

    @property
    def exhausted(self) -> bool:
        """Whether enough was tried from here."""
        return self.failures >= TRIES

    @property
    def open(self) -> bool:
        """Whether it has a score and may be improved further."""
        return self.trial.state is State.COMPLETE and not self.exhausted

    @property
    def mendable(self) -> bool:
        """Whether it is a crashed leaf that was not mended too often."""
        return self.trial.state.failed and not self.children and self.mended < DEBUG_DEPTH


@dataclass(frozen=True)
class Tree:
    """The trials of a history that ended, as a tree."""

    history: History

    @cached_property
    def nodes(self) -> dict[int, Node]:
        """All nodes by their trials' numbers, parents before children."""
        trials = {trial.n: trial for trial in self.history.iterations}
        parents = {n: self._parent(n, trials) for n in trials}
        children: dict[int, list[int]] = {n: [] for n in trials}
        for n, parent in parents.items():
            if parent is not None:
                children[parent].append(n)
        found: dict[int, Node] = {}
        for n, trial in trials.items():
            above = parents[n]
            node = None if above is None else found[above]
            found[n] = Node(
                trial=trial,
                parent=above,
                children=tuple(children[n]),
                depth=node.depth + 1 if node else 0,
                branch=None if node is None else n if node.parent is None else node.branch,
                failures=self._failures(trial, [trials[child] for child in children[n]]),
                mended=node.mended + 1 if node and node.trial.state.failed else 0,
            )
        return found

    def _parent(self, n: int, ended: dict[int, Trial]) -> int | None:
        """The nearest ancestor that ended: an interrupted trial is no node."""
        parent = self.history.trials[n].parent
        while parent is not None and parent not in ended:
            parent = self.history.trials[parent].parent
        return parent

    def _failures(self, trial: Trial, children: list[Trial]) -> int:
        count = 0
        for child in children:
            count = 0 if improves(self.history, trial, child) else count + 1
        return count

    @property
    def root(self) -> Node:
        """The baseline."""
        return self.nodes[0]

    @property
    def drafts(self) -> list[Node]:
        """The first trial of each branch."""
        return [self.nodes[n] for n in self.root.children]

    def branch(self, draft: int) -> list[Node]:
        """A draft and all that grew from it."""
        return [node for node in self.nodes.values() if node.branch == draft]

    @property
    def mendable(self) -> list[Node]:
        """Crashed leaves that may be mended."""
        return [node for node in self.nodes.values() if node.mendable]

    def best(self, nodes: Iterable[Node]) -> Node | None:
        """The one with the best score, the earlier of equals; None where none has a score."""
        found: Node | None = None
        for node in nodes:
            score, known = node.trial.score, found.trial.score if found else None
            if score is not None and (known is None or self.history.metric.better(score, than=known)):
                found = node
        return found

    def backtrack(self, node: Node, among: Iterable[Node]) -> Node | None:
        """Where to go from a dead end: the last open node on the way to it, else the best open one elsewhere.

        Parameters
        ----------
        among
            The nodes that may be gone to.
        """
        allowed = {found.n: found for found in among if found.open}
        above = node.parent
        while above is not None:
            if above in allowed:
                return allowed[above]
            above = self.nodes[above].parent
        return self.best(allowed.values())


def improves(history: History, parent: Trial, child: Trial) -> bool:
    """Whether `child` is progress on `parent`.

    It was kept, or its paired gain over the parent is beyond one standard error; over a crash, any score is.
    """
    if child.state is not State.COMPLETE:
        return False
    if child.verdict is Verdict.KEEP or parent.state is not State.COMPLETE:
        return True
    gain = paired_gains(history.metric, parent.scores, child.scores, child.ratio)
    se = gain.se
    return gain.delta > (0.0 if math.isnan(se) else se)


def as_dict(tree: Tree) -> dict[str, Any]:
    """Everything that `tree --json` gives."""
    history = tree.history
    return {
        "tag": history.run.tag,
        "metric": history.metric.name,
        "direction": history.metric.direction,
        "incumbent": history.incumbent.n,
        "parent": history.run.parent,
        "tries": TRIES,
        "nodes": [_node(tree, node) for node in tree.nodes.values()],
    }


def _node(tree: Tree, node: Node) -> dict[str, Any]:
    trial = node.trial
    return {
        "n": node.n,
        "parent": node.parent,
        "children": list(node.children),
        "branch": node.branch,
        "depth": node.depth,
        "state": trial.state.value,
        "verdict": trial.verdict.value if trial.verdict else None,
        "score": trial.score,
        "delta": trial.delta,
        "delta_se": trial.delta_se,
        "failures": node.failures,
        "exhausted": node.exhausted,
        "incumbent": node.n == tree.history.incumbent.n,
        "hypothesis": trial.hypothesis,
        "error": trial.error,
    }
