"""Large tables and generators for the claim benchmark, with fixed transforms only: no row teaches another."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

__all__ = ["GENERATORS", "Kind", "Table", "load", "names"]

Kind = Literal["binary", "regression"]

ROWS = 40_000  # of a generator's table: as good as endless beside a sub-sample of 2,000
BASE = 40  # columns of a table that are taken at most
CLIP = 4.0  # standard deviations: keeps a squared column finite in effect
LEVELS = 6  # of a categorical column, the most frequent ones
DERIVED = {"square": 10, "product": 25, "relu": 15, "noise": 6}
SMALLEST_SAMPLE = 250


@dataclass(frozen=True)
class Table:
    """A table from which sub-samples are drawn; what is left of it is the truth.

    Parameters
    ----------
    name, task
        As in the manifest; a generator's name begins with ``gen``.
    X
        Intercept, base columns, derived columns; shape (N, p), each with mean 0 and deviation 1.
    base
        Number of base columns: columns ``1..base`` of `X`.
    y
        0 or 1 with 1 the rarer class; a regression's labels have deviation 1. Shape (N,).
    """

    name: str
    task: Kind
    X: np.ndarray
    base: int
    y: np.ndarray

    @property
    def largest_sample(self) -> int:
        """2,000, or a third of the table, so that twice the sub-sample remains."""
        return min(2_000, len(self.y) // 3)


def names(folder: Path, task: Kind) -> list[str]:
    """List tables of a task that are large enough, then the generators."""
    manifest = folder / "datasets.json"
    entries = json.loads(manifest.read_text()) if manifest.exists() else []
    large = [e["name"] for e in entries if e["task"] == task and e["rows"] >= 3 * SMALLEST_SAMPLE]
    return large + [name for name, (kind, _) in GENERATORS.items() if kind == task]


@lru_cache(maxsize=1)
def load(folder: Path, name: str) -> Table:
    """Read a table of the manifest, or make a generator's."""
    rng = np.random.default_rng(list(name.encode()))
    if name in GENERATORS:
        task, generate = GENERATORS[name]
        base = rng.standard_normal((ROWS, 20)) @ _mixing(rng, 20)
        y = generate(base, rng)
    else:
        entry = next(e for e in json.loads((folder / "datasets.json").read_text()) if e["name"] == name)
        frame = pd.read_csv(folder / entry["file"])
        task, base, y = entry["task"], _encode(frame.drop(columns=entry["target"])), frame[entry["target"]].to_numpy()
    y = (y == _rarer(y)).astype(float) if task == "binary" else (y - y.mean()) / y.std()
    base = _standardise(base)[:, :BASE]
    X = np.hstack([np.ones((len(y), 1)), base, _standardise(_derive(base, rng))])
    return Table(name, task, X, base.shape[1], y)


def _rarer(y: np.ndarray) -> object:
    classes, counts = np.unique(y, return_counts=True)
    return classes[counts.argmin()]


def _encode(frame: pd.DataFrame) -> np.ndarray:
    """Numbers as they are (the median where missing), frequent levels of the others as indicators."""
    columns = []
    for name in frame:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            columns.append(column.fillna(column.median()).to_numpy(float))
            continue
        shares = column.value_counts(normalize=True)
        levels = shares[shares >= 0.02].index[:LEVELS]
        columns += [(column == level).to_numpy(float) for level in (levels[1:] if len(shares) == 2 else levels)]
    return np.column_stack(columns)


def _standardise(X: np.ndarray) -> np.ndarray:
    X = X[:, X.std(axis=0) > 1e-9]
    return np.clip((X - X.mean(axis=0)) / X.std(axis=0), -CLIP, CLIP)


def _derive(base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Columns that an editor might add: squares, products, hinges of random projections, and plain noise."""
    p = base.shape[1]
    square = base[:, rng.permutation(p)[: DERIVED["square"]]] ** 2
    left, right = rng.integers(p, size=(2, DERIVED["product"]))
    relu = np.maximum(base @ rng.standard_normal((p, DERIVED["relu"])) / np.sqrt(p), 0)
    return np.hstack([square, base[:, left] * base[:, right], relu, rng.standard_normal((len(base), DERIVED["noise"]))])


def _mixing(rng: np.random.Generator, p: int) -> np.ndarray:
    """Correlate neighbouring columns a little, differently per generator."""
    return np.eye(p) + 0.25 * rng.standard_normal((p, p)) / np.sqrt(p) + 0.4 * np.eye(p, k=1)


def _linear(X: np.ndarray) -> np.ndarray:
    return X[:, :10] @ np.linspace(1.0, 0.1, 10)


def _curved(X: np.ndarray) -> np.ndarray:
    return X[:, 0] + np.sin(2 * X[:, 1]) + 0.6 * X[:, 2] * X[:, 3] + 0.4 * X[:, 4] ** 2 + 0.5 * X[:, 5]


def _draw(logit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.random(len(logit)) < 1 / (1 + np.exp(-logit))


GENERATORS: dict[str, tuple[Kind, Callable[[np.ndarray, np.random.Generator], np.ndarray]]] = {
    "gen_linear": ("binary", lambda X, rng: _draw(0.8 * _linear(X), rng)),
    "gen_curved": ("binary", lambda X, rng: _draw(_curved(X) - 0.4, rng)),
    "gen_rare": ("binary", lambda X, rng: _draw(0.7 * _curved(X) - 2.6, rng)),
    "gen_normal": ("regression", lambda X, rng: _linear(X) + 2.0 * rng.standard_normal(len(X))),
    "gen_bent": ("regression", lambda X, rng: _curved(X) + rng.standard_normal(len(X))),
    "gen_heavy": ("regression", lambda X, rng: _curved(X) + rng.standard_t(3, len(X))),
}
