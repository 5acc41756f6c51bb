"""What tests of the trust boundary share: warm cells with it on and off, attacks as train.py files, two telling folds.

Attacks lie in ``attacks/`` as real files. A channel (``leave``, ``find``) is joined with `attacks/relay.py`, a reach
(``reach``) with `attacks/grasp.py`; what only a test knows is appended as constants.
"""

import atexit
import functools
import hashlib
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.metrics import roc_auc_score
from support import lay

from autoresearch import data
from autoresearch.cells import LocalCells
from autoresearch.executors import Cancel, Executor, TrialTask
from autoresearch.fold import Failure, FoldTask
from autoresearch.isolation import ALL, NONE, Mechanisms
from autoresearch.matrix import Matrix
from autoresearch.scorer import Scorer
from autoresearch.trial import State

__all__ = [
    "ALL", "ATTACKS", "CHANCE", "NONE", "ROWS", "Mechanisms", "Study", "answers", "attack", "cells", "channel",
    "constants", "grasp", "grasped", "level_full", "named", "noise", "processes_with", "stolen", "token",
]  # fmt: skip

ATTACKS = Path(__file__).parent / "attacks"
ROWS = 64  # in each half of the telling folds' table
CHANCE = 0.75  # an AUC on 64 rows beyond which nobody gets by luck: 3.5 standard deviations
SECONDS = 60.0

Answers = dict[tuple[int, int], "np.ndarray | Failure"]


@functools.cache
def cells(wanted: Mechanisms = ALL, count: int = 1) -> LocalCells:
    """Warm cells that all tests share; a killed one is replaced at its next use."""
    found = LocalCells(count, wanted)
    atexit.register(found.close)
    with found.hold():
        pass
    return found


def level_full() -> LocalCells:
    """One cell with the boundary on; skips loudly where this machine has no full boundary."""
    found = cells(ALL)
    if found.isolation != "full":
        pytest.skip(f"this machine reaches level {found.isolation!r} only: {found.mechanisms}")
    return found


def constants(**values: object) -> str:
    """Text that sets module constants of an attack, appended to it."""
    return "".join(f"\n{name} = {value!r}" for name, value in values.items()) + "\n"


def attack(name: str, **values: object) -> str:
    """An attacking train.py."""
    return (ATTACKS / f"{name}.py").read_text() + constants(**values)


def channel(name: str, **values: object) -> str:
    """A train.py that leaves its labels in a channel, and answers what another fold left there."""
    return attack(f"channels/{name}") + attack("relay", **values)


def grasp(name: str, **values: object) -> str:
    """A train.py that answers whether it got at what `name` reaches for."""
    return attack(f"reach/{name}") + attack("grasp", **values)


def named(folder: str) -> list[str]:
    """The attacks in a folder."""
    return sorted(path.stem for path in (ATTACKS / folder).glob("*.py"))


def noise(rows: int = 2 * ROWS, seed: int = 7) -> tuple[pd.DataFrame, np.ndarray]:
    """Features that know nothing, and labels of which half are 1 in each half of the rows."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.normal(size=rows), "c": rng.choice(["x", "y"], size=rows)})
    halves = [rng.permutation(np.arange(rows // 2) % 2) for _ in range(2)]
    return X, np.concatenate(halves).astype(np.int64)


def two_folds(source: str, y: np.ndarray) -> list[FoldTask]:
    """Each trains on one half of the rows and answers for the other: what one is told is what the other is asked."""
    half = len(y) // 2
    parts = np.arange(half), np.arange(half, 2 * half)
    return [FoldTask((1, fold), source, parts[fold], y[parts[fold]], parts[1 - fold], "score", 2) for fold in (0, 1)]


def answers(
    executor: Executor, source: str, tasks: list[FoldTask] | None = None, seconds: float = SECONDS, **trial: Any
) -> Answers:
    """What the folds of one trial answer, by key."""
    X, y = noise()
    matrix = Matrix.shuffled(X, 0)
    matrix = Matrix(X, np.arange(len(X))) if tasks is None else matrix
    tasks = two_folds(source, y) if tasks is None else tasks
    try:
        with executor.hold() as places, closing(Cancel()) as cancel:
            running = places.run(TrialTask(source, matrix, **trial), tasks, time.monotonic() + seconds, cancel)
            return {key: frame[0] for key, frame in running}
    finally:
        matrix.close()


def stolen(executor: Executor, source: str, trials: int = 1, **trial: Any) -> float:
    """The best AUC of either fold in `trials` trials, on the rows of which it claims to know something.

    The labels are noise: above `CHANCE`, a fold knows what only the other one was told.
    """
    _, y = noise()
    best = 0.5
    for _ in range(trials):
        for (_, fold), answer in answers(executor, source, **trial).items():
            assert not isinstance(answer, Failure), f"{answer.message}\n{answer.traceback}"
            truth, claimed = y[ROWS:] if fold == 0 else y[:ROWS], answer != 0.5
            if len(set(truth[claimed])) == 2:
                best = max(best, float(roc_auc_score(truth[claimed], answer[claimed])))
    return best


def grasped(executor: Executor, source: str, **trial: Any) -> bool:
    """Whether a fold got at what it reached for."""
    found = answers(executor, source, **trial)
    for answer in found.values():
        assert not isinstance(answer, Failure), f"{answer.message}\n{answer.traceback}"
    return any(float(answer.max()) == 1.0 for answer in found.values())  # type: ignore[union-attr]


def token(seed: str) -> tuple[str, str]:
    """A secret that begins with ``canary:``, and the hash by which an attack knows that it has it."""
    secret = f"canary:{hashlib.sha256(seed.encode()).hexdigest()[:32]}"
    return secret, hashlib.sha256(secret.encode()).hexdigest()


def processes_with(marker: str) -> list[int]:
    """Processes anywhere on this machine with `marker` in their arguments or environment, or as their name."""
    found = []
    for process in psutil.process_iter():
        try:
            text = " ".join(process.cmdline()) + process.name() + str(process.environ())
        except (psutil.Error, OSError):
            continue
        if marker in text:
            found.append(process.pid)
    return found


class Study:
    """A small study whose labels are noise, and its scores with the boundary on and off."""

    def __init__(self, root: Path, **changes: dict[str, object]) -> None:
        X, y = noise(150)
        self.root = root
        self.study = lay(root, X.assign(label=y).sort_values("label"), **changes)
        self.prepared = data.prepare(root, self.study)

    def scorer(self, executor: Executor) -> Scorer:
        """The real scorer over this study."""
        return Scorer(self.root, self.study, self.prepared, executor, self.root / "predictions")

    def auc(self, executor: Executor, source: str) -> float:
        """Mean AUC of one repeat."""
        found = self.scorer(executor).evaluate(source, 1)
        assert found.state is State.COMPLETE, found.error
        return sum(found.scores[0]) / len(found.scores[0])
