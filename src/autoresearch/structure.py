"""What ties rows together: the group that each belongs to, or its place in time. Pure: columns in, arrays out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from autoresearch.columns import meant
from autoresearch.errors import StudyError
from autoresearch.study import Study

__all__ = ["Structure", "column", "structure"]


@dataclass(frozen=True)
class Structure:
    """How the rows of a table depend on each other; with neither field they are independent.

    Parameters
    ----------
    group
        Rows with equal values stay together, shape (n,). None where time rules the split.
    time
        Numbers that order the rows in time, shape (n,); equal ones are never parted.
    """

    group: np.ndarray | None = None
    time: np.ndarray | None = None

    @property
    def independent(self) -> bool:
        """Whether each row stands alone."""
        return self.group is None and self.time is None

    def take(self, rows: np.ndarray) -> "Structure":
        """The structure of some rows."""
        return Structure(*(None if part is None else part[rows] for part in (self.group, self.time)))

    def followed_by(self, other: "Structure") -> "Structure":
        """The structure of these rows and those of another table with the same columns."""
        pairs = ((self.group, other.group), (self.time, other.time))
        return Structure(*(None if a is None or b is None else np.concatenate([a, b]) for a, b in pairs))


def structure(table: pd.DataFrame, study: Study) -> Structure:
    """Read the declared structure from a table's columns.

    With a group and a time column the groups are series: time rules the split, and each series goes on through it.

    Raises
    ------
    StudyError
        A declared column is absent, has gaps, holds what is no time, or is the only one beside the target.
    """
    group = column(table, "group.column", study.group.column) if study.group else None
    if study.time:
        return Structure(time=_instants(column(table, "time.column", study.time.column)))
    if study.group and table.shape[1] < 3:
        raise StudyError(
            f"study.toml: group.column: beside {study.group.column!r}, which is no feature, the table has no column to "
            f"predict {study.study.target!r} from"
        )
    return Structure(group=None if group is None else group.to_numpy())


def column(table: pd.DataFrame, setting: str, name: str, *, gaps: bool = False) -> pd.Series:
    """A column that a setting names, without gaps unless these are allowed.

    Raises
    ------
    StudyError
        It is absent, or has gaps.
    """
    if name not in table.columns:
        raise StudyError(f"study.toml: {setting}: the table has no column {name!r}; {meant(name, table.columns)}")
    found = table[name]
    if not gaps and (missing := int(found.isna().sum())):
        raise StudyError(
            f"study.toml: {setting}: {name!r} is missing in {missing} of {len(table)} rows; fill it in or remove them"
        )
    return found


def _instants(times: pd.Series) -> np.ndarray:
    """Numbers as they are, dates as nanoseconds. Only ISO 8601 is read: 03/04/2024 would be a guess."""
    if pd.api.types.is_numeric_dtype(times):
        return times.to_numpy()
    found = pd.to_datetime(times.astype("str"), format="ISO8601", utc=True, errors="coerce")
    if (bad := found.isna()).any():
        raise StudyError(
            f"study.toml: time.column: {times.name!r} holds {times[bad].iloc[0]!r}, which is no time; "
            "write numbers, or dates as 2024-01-31 or 2024-01-31T12:00 (ISO 8601)"
        )
    return found.dt.as_unit("ns").astype("int64").to_numpy()
