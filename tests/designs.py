"""Trials of compositions with fold scores from a known truth, for the tests of what is decided on them.

Fold scores of one trial share most of their training rows: any two of them correlate by n_valid / n_all, the
correlation that Nadeau & Bengio assume, so that a corrected t-test on these scores is exact.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from autoresearch.trial import State
from autoresearch.tried import Level, Tried

RATIO = 0.25  # of five folds
SLOTS = ("features", "preprocessing", "model")


def noise(rng: np.random.Generator, repeats: int, sd: float, folds: int = 5) -> np.ndarray:
    """Correlated noise of one trial's folds, shape (repeats, folds)."""
    shared = RATIO / (1 + RATIO)
    return sd * (shared**0.5 * rng.normal() + (1 - shared) ** 0.5 * rng.normal(size=(repeats, folds)))


def scored(
    n: int, choice: Mapping[str, str], scores: np.ndarray | Sequence[Sequence[float]], **changes: object
) -> Tried:
    """A complete trial."""
    repeats = tuple(tuple(float(score) for score in repeat) for repeat in scores)
    return Tried(n, dict(choice), repeats=repeats, **changes)  # type: ignore[arg-type]


def failed(n: int, choice: Mapping[str, str], state: State = State.CRASHED, reason: str = "ValueError: no") -> Tried:
    """A trial without a score."""
    return Tried(n, dict(choice), state=state, reason=reason)


def crossed(
    levels: Mapping[str, Iterable[str]],
    truth: Callable[[Mapping[str, str]], float],
    rng: np.random.Generator,
    sd: float = 0.01,
    repeats: int = 5,
) -> list[Tried]:
    """A trial of every combination of levels."""
    choices = [dict(zip(levels, combination, strict=True)) for combination in itertools.product(*levels.values())]
    return [scored(n, choice, truth(choice) + noise(rng, repeats, sd)) for n, choice in enumerate(choices)]


def cell(*names: str) -> tuple[Level, ...]:
    """A cell of variants as they are in their files."""
    return tuple(Level(name) for name in names)
