"""How rows are kept apart: the holdout once, then the folds. Pure: positions in, positions out.

Independent rows are drawn, by class for classification; rows of a group go together; rows in time are cut by time, the
latest sealed, each block predicted from all before it. A new scheme is a case of `cut` and of `splits`, a line of
`verify`, and a test in tests/test_splits.py.
"""

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from autoresearch.errors import DataError, StudyError
from autoresearch.structure import Structure
from autoresearch.study import Study

__all__ = ["ROWS_PER_CLASS", "Split", "cut", "plan", "ratio", "scheme", "splits", "verify"]

ROWS_PER_CLASS = 5  # of the rarest class, in every fold
REPEATS_BY_ROWS = ((2_000, 5), (10_000, 2), (100_000, 1))  # rows below, repeats of five folds
SINGLE = 0.2  # validation rows of the single split beyond that
PARTS = 20  # into which groups are dealt to seal some: a holdout.fraction is at least one of them
GROUPS_SEALED, GROUPS_KEPT = 2, 4  # at least: no variance without two, and two folds of two
TIMES_SEALED, TIMES_KEPT = 2, 3  # at least: two blocks of the audit, and two folds with a past


@dataclass(frozen=True)
class Split:
    """Row positions of one fold."""

    repeat: int
    fold: int
    train: np.ndarray
    valid: np.ndarray


def cut(target: pd.Series, study: Study, structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training rows and of the rows to be sealed, each in the table's order.

    Raises
    ------
    StudyError
        There are too few groups or times, or they hold too unequal shares of the rows or classes.
    """
    from sklearn.model_selection import train_test_split

    stratify = study.study.task != "regression"
    if structure.time is not None:
        kept, sealed = _cut_by_time(structure.time, study)
    elif structure.group is not None:
        kept, sealed = _cut_by_group(target, structure.group, study, stratify=stratify)
    else:
        kept, sealed = train_test_split(
            np.arange(len(target)),
            test_size=study.holdout.fraction,
            random_state=study.holdout.seed,
            stratify=target if stratify else None,
        )
        return np.sort(kept), np.sort(sealed)
    _check_share(len(sealed) / len(target), study, structure)
    for label in sorted(target.unique().tolist()) if stratify else ():
        inside, all_rows = int((target.iloc[sealed] == label).sum()), int((target == label).sum())
        if inside < 2 or all_rows - inside < 2 * ROWS_PER_CLASS:
            raise StudyError(
                f"study.toml: study.target: class {label!r} has {inside} of its {all_rows} rows in the holdout; 2 are "
                f"needed there and {2 * ROWS_PER_CLASS} for training: {_remedy(structure)}, or merge the class"
            )
    return np.sort(kept), np.sort(sealed)


def _cut_by_group(
    target: pd.Series, group: np.ndarray, study: Study, *, stratify: bool
) -> tuple[np.ndarray, np.ndarray]:
    fraction, count = study.holdout.fraction, len(pd.unique(group))
    needed = max(math.ceil(GROUPS_SEALED / fraction), math.ceil(GROUPS_KEPT / (1 - fraction)))
    if count < needed:
        raise StudyError(
            f"study.toml: group.column: {study.group.column if study.group else ''!r} has {count} groups; {needed} are "
            f"needed for a holdout of {fraction:g} and two folds: name a finer column or raise holdout.fraction to 0.3"
        )
    parts = min(PARTS, count, int(target.value_counts().min()) if stratify else count)
    dealt = [valid for _, valid in _dealt_by_group(target.to_numpy(), group, parts, study.holdout.seed, stratify)]
    off = abs(np.cumsum([len(valid) for valid in dealt]) / len(group) - fraction)
    groups = np.cumsum([len(pd.unique(group[valid])) for valid in dealt])  # no group is in two of them
    sealed = np.concatenate(dealt[: int(np.argmin(np.where(groups < GROUPS_SEALED, np.inf, off))) + 1])
    kept = np.setdiff1d(np.arange(len(group)), sealed)
    for rows, least, what in ((sealed, GROUPS_SEALED, "in the holdout"), (kept, GROUPS_KEPT, "for training")):
        if (found := len(pd.unique(group[rows]))) < least:
            raise StudyError(
                f"study.toml: group.column: {found} of {count} groups fall {what}; {least} are needed: "
                "choose another holdout.seed or holdout.fraction"
            )
    return kept, sealed


def _dealt_by_group(
    y: np.ndarray, group: np.ndarray, parts: int, seed: int, stratify: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    splitter = StratifiedGroupKFold if stratify else GroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class in fewer rows than parts: whether that serves is checked by `plan`
        yield from splitter(parts, shuffle=True, random_state=seed).split(np.zeros(len(y)), y, pd.factorize(group)[0])


def _cut_by_time(time: np.ndarray, study: Study) -> tuple[np.ndarray, np.ndarray]:
    order, (edge,) = _edges(time, [1 - study.holdout.fraction])
    kept, sealed = order[:edge], order[edge:]
    before, after = len(np.unique(time[kept])), len(np.unique(time[sealed]))
    if before < TIMES_KEPT or after < TIMES_SEALED:
        raise StudyError(
            f"study.toml: time.column: {study.time.column if study.time else ''!r} has {before + after} different "
            f"times, {after} of them in the holdout; {TIMES_SEALED} are needed there and {TIMES_KEPT} before it: name "
            "a finer column or change holdout.fraction"
        )
    return kept, sealed


def _edges(time: np.ndarray, shares: list[float]) -> tuple[np.ndarray, list[int]]:
    """Rows in time order, and where it is cut for each share: nearest to it between two different times."""
    order = np.argsort(time, kind="stable")
    between = np.flatnonzero(np.diff(time[order])) + 1
    if not len(between):
        return order, [len(order)] * len(shares)
    return order, [int(between[np.argmin(abs(between - share * len(order)))]) for share in shares]


def _check_share(share: float, study: Study, structure: Structure) -> None:
    fraction = study.holdout.fraction
    if not fraction / 2 <= share <= min(2 * fraction, 0.75):
        raise StudyError(
            f"study.toml: holdout.fraction: {fraction:g} of the rows cannot be sealed, it would be {share:.2g}: some "
            f"{'groups' if structure.time is None else 'times'} hold too many rows: {_remedy(structure)}"
        )


def _remedy(structure: Structure) -> str:
    return "change holdout.fraction" if structure.time is not None else "choose another holdout.seed or fraction"


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


def plan(y: np.ndarray, class_counts: list[int], structure: Structure, seed: int) -> tuple[int, int]:
    """`scheme`, with no more folds than groups or times allow, and one repeat in time.

    Raises
    ------
    StudyError
        Not even two folds hold every class in both of their parts.
    """
    repeats, most = scheme(len(y), class_counts)
    if structure.independent:
        return repeats, most
    if structure.time is not None:
        repeats = 1
    elif structure.group is not None:
        most = min(most, len(pd.unique(structure.group)) // 2)
    stratify = bool(class_counts)
    for folds in range(most, min(most, 2) - 1, -1):
        dealt = list(splits(y, structure, stratify=stratify, repeats=repeats, folds=folds, seed=seed))
        if all(_serves(y, split, len(class_counts)) for split in dealt):
            return repeats, folds
    name = "time" if structure.time is not None else "group"
    if stratify:
        reason, remedy = f"a class lies in too few {name}s for two folds with it on both sides", "merge it with another"
    else:
        reason, remedy = f"too few {name}s hold most of the rows for two folds", "name a finer column"
    raise StudyError(f"study.toml: {name}.column: {reason}; {remedy}, or change holdout.fraction")


def _serves(y: np.ndarray, split: Split, classes: int) -> bool:
    if not classes:
        return min(len(split.train), len(split.valid)) >= ROWS_PER_CLASS
    return all(len(np.unique(y[rows])) == classes for rows in (split.train, split.valid))


def splits(
    y: np.ndarray, structure: Structure, *, stratify: bool, repeats: int, folds: int, seed: int
) -> Iterator[Split]:
    """Deal rows into folds, repeat by repeat, always the same for the same study.

    In time there is one repeat: rows are cut into one block more than there are folds, and each but the first is
    predicted from all blocks before it. The first is never predicted.
    """
    if structure.time is not None:
        yield from _forward(structure.time, folds)
        return
    for repeat in range(repeats):
        for fold, (train, valid) in enumerate(_deal(y, structure, stratify, folds, seed + repeat)):
            yield Split(repeat, fold, train, valid)


def _deal(
    y: np.ndarray, structure: Structure, stratify: bool, folds: int, seed: int
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

    parts = round(1 / SINGLE) if folds == 1 else folds
    if structure.group is not None:
        return list(_dealt_by_group(y, structure.group, parts, seed, stratify))[:folds]
    if folds == 1:
        train, valid = train_test_split(
            np.arange(len(y)), test_size=SINGLE, random_state=seed, stratify=y if stratify else None
        )
        return [(train, valid)]
    splitter = StratifiedKFold if stratify else KFold
    return list(splitter(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), y))


def _forward(time: np.ndarray, folds: int) -> Iterator[Split]:
    shares = [1 - SINGLE] if folds == 1 else [block / (folds + 1) for block in range(1, folds + 1)]
    order, edges = _edges(time, shares)
    for fold, (start, stop) in enumerate(zip(edges, [*edges[1:], len(time)], strict=True)):
        yield Split(0, fold, np.sort(order[:start]), np.sort(order[start:stop]))


def ratio(structure: Structure, dealt: list[Split]) -> float:
    """Validation rows per training row, as the corrected SE takes it: the folds' mean, in time that of the last fold.

    In time it falls from fold to fold; the last past holds all others and is nearest to the final fit. In simulated
    series the SE is then 1.7 to 1.9 times the true one, with the mean of the folds 2.2 to 2.5 times: docs/splits.md.
    """
    counted = dealt if structure.time is None else dealt[-1:]
    return float(np.mean([len(split.valid) / len(split.train) for split in counted]))


def verify(structure: Structure, dealt: Iterable[Split]) -> None:
    """Make sure that no split shares a row or a group between its parts, or trains on what is not past.

    Raises
    ------
    DataError
        One does: the table in data/, or this program, is not what prepared the study.
    """
    group = None if structure.group is None else pd.factorize(structure.group)[0]
    for split in dealt:
        if _share(split.train, split.valid):
            broken = "rows"
        elif group is not None and _share(group[split.train], group[split.valid]):
            broken = "groups"
        elif structure.time is not None and structure.time[split.train].max() >= structure.time[split.valid].min():
            broken = "times"
        else:
            continue
        raise DataError(
            f"repeat {split.repeat}, fold {split.fold}: {broken} of the training part are in the other part too, so no "
            "score was given; `uv run prepare.py` prepares the study anew"
        )


def _share(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two arrays of small numbers have one in common; by marks, as this is asked in every trial."""
    marked = np.zeros(max(left.max(), right.max()) + 1, dtype=bool)
    marked[left] = True
    return bool(marked[right].any())
