"""How rows are kept apart: the holdout once, then the folds. Pure: positions in, positions out.

A new scheme is a case of `cut` and of `splits`, a check that it holds, and a test in tests/test_splits.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from autoresearch.errors import StudyError
from autoresearch.prepared import Prepared
from autoresearch.study import Study

__all__ = ["ROWS_PER_CLASS", "Split", "cut", "scheme", "splits"]

ROWS_PER_CLASS = 5  # of the rarest class, in every fold
REPEATS_BY_ROWS = ((2_000, 5), (10_000, 2), (100_000, 1))  # rows below, repeats of five folds


@dataclass(frozen=True)
class Split:
    """Row positions of one fold."""

    repeat: int
    fold: int
    train: np.ndarray
    valid: np.ndarray


def cut(target: pd.Series, study: Study) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training rows and of the rows to be sealed, each in the table's order."""
    kept, sealed = train_test_split(
        np.arange(len(target)),
        test_size=study.holdout.fraction,
        random_state=study.holdout.seed,
        stratify=None if study.study.task == "regression" else target,
    )
    return np.sort(kept), np.sort(sealed)


def scheme(rows: int, class_counts: list[int]) -> tuple[int, int]:
    """Repeats and folds for so many training rows; (1, 1) is a single 80/20 split.

    Parameters
    ----------
    class_counts
        Rows of each class, empty for regression: no class falls below five rows a fold.

    Raises
    ------
    StudyError
        A class is too small for two folds.
    """
    rarest = min(class_counts, default=rows)
    folds = min(5, rarest // ROWS_PER_CLASS)
    if folds < 2:
        raise StudyError(f"a class has {rarest} training rows; {2 * ROWS_PER_CLASS} are needed for two folds")
    for below, repeats in REPEATS_BY_ROWS:
        if rows < below:
            return repeats, folds
    return 1, 1


def splits(y: np.ndarray, prepared: Prepared, seed: int, repeats: int) -> Iterator[Split]:
    """Deal rows into folds, repeat by repeat, always the same for the same study."""
    for repeat in range(repeats):
        if prepared.folds == 1:
            stratify = y if prepared.classes else None
            train, valid = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed, stratify=stratify)
            yield Split(repeat, 0, train, valid)
            continue
        splitter = StratifiedKFold if prepared.classes else KFold
        dealt = splitter(prepared.folds, shuffle=True, random_state=seed + repeat).split(np.zeros(len(y)), y)
        for fold, (train, valid) in enumerate(dealt):
            yield Split(repeat, fold, train, valid)
