"""Declared lag features: what a column held in an earlier row. Pure: columns in, columns out.

They are computed before the split, from the past alone, because a trial's feature_fn sees single rows. docs/design.md
says why a short lag of the target is refused.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from autoresearch.errors import StudyError
from autoresearch.structure import column
from autoresearch.study import Study

__all__ = ["lagged"]


def lagged(table: pd.DataFrame, study: Study, time: np.ndarray, blocks: Iterable[np.ndarray]) -> pd.DataFrame:
    """The table with its declared lags: ``sales_lag_7`` is `sales` seven rows earlier in the same series.

    Rows whose past does not reach back so far have a gap. Flags become 0 and 1, so that they can have gaps.

    Parameters
    ----------
    time
        Order of the rows, shape (n,).
    blocks
        Positions of the rows that are predicted together: each validation block, and the holdout.

    Raises
    ------
    StudyError
        A column is absent, a name is taken, two rows of a series have the same time, or a lag of the target is so
        short that it would show labels of the block that is predicted.
    """
    if study.time is None or not study.time.lags:
        return table
    series = np.zeros(len(table), dtype=np.int64)
    if study.group:
        series = pd.factorize(table[study.group.column])[0]
    _check_distinct(study, series, time)
    order = np.argsort(time, kind="stable")
    found: dict[str, pd.Series] = {}
    for name, lags in study.time.lags.items():
        values = column(table, "time.lags", name, gaps=True)
        if name == study.study.target:
            _check_target(name, lags, series, blocks)
        if pd.api.types.is_bool_dtype(values):
            values = values.astype(np.float64)
        past = values.iloc[order].groupby(series[order])
        for lag in lags:
            new = f"{name}_lag_{lag}"
            if new in table.columns:
                raise StudyError(f"study.toml: time.lags: the table has a column {new!r} already; rename it")
            found[new] = past.shift(lag).reindex(table.index)
    return pd.concat([table, pd.DataFrame(found)], axis=1)


def _check_distinct(study: Study, series: np.ndarray, time: np.ndarray) -> None:
    doubles = int(pd.DataFrame({"series": series, "time": time}).duplicated().sum())
    if doubles:
        assert study.time
        remedy = "make the times of a group differ" if study.group else "name the column of the series as group.column"
        raise StudyError(
            f"study.toml: time.lags: {doubles} rows have the same {study.time.column!r} as another of their series, so "
            f"which is earlier is not known; {remedy}"
        )


def _check_target(name: str, lags: Iterable[int], series: np.ndarray, blocks: Iterable[np.ndarray]) -> None:
    """Refuse a lag that reaches a label of the block that its own row is predicted in."""
    longest = max(int(np.bincount(series[rows]).max()) for rows in blocks)
    if (shortest := min(lags)) < longest:
        raise StudyError(
            f"study.toml: time.lags: {name} = {shortest} is too short for a lag of the target: up to {longest} rows of "
            f"a series are predicted together, and it would show their labels; {longest} is the smallest lag allowed, "
            "lag another column, or lower holdout.fraction where the holdout is the longest block"
        )
