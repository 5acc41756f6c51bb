"""Where a table comes from: a bundled name, or a file beside study.toml.

A new source is a function here that gives a DataFrame, an entry in `BUNDLED` or a case of `read`, and a test in
tests/test_sources.py.
"""

import difflib
from pathlib import Path

import pandas as pd

from autoresearch.errors import StudyError
from autoresearch.study import Study

__all__ = ["BUNDLED", "read"]


def _load_hearts() -> pd.DataFrame:
    from sklego.datasets import load_hearts

    return pd.DataFrame(load_hearts(as_frame=True))


BUNDLED = {"heart": _load_hearts}
"""Tables that come with the installed libraries and need no network."""


def read(root: Path, study: Study) -> pd.DataFrame:
    """Read the study's table as it is, columns checked, nothing split.

    Raises
    ------
    StudyError
        It cannot be read, or its target cannot serve.
    """
    name = study.study.data
    if name in BUNDLED:
        table = BUNDLED[name]()
    else:
        path = root / name
        if not path.is_file():
            bundled = ", ".join(BUNDLED)
            raise StudyError(f"study.toml: study.data: {name!r} is neither a file here nor a bundled table ({bundled})")
        try:
            table = pd.read_csv(path, low_memory=False)
        except (ValueError, UnicodeDecodeError, OSError) as error:
            reason = " ".join(str(error).split())
            raise StudyError(f"study.toml: study.data: {name!r} cannot be read as CSV: {reason}") from None
    # a column of mixed types, a flag with gaps for one, would read differently from each part: it is text
    table = table.astype({column: "str" for column in table.columns if table[column].dtype == object})
    target = study.study.target
    if target not in table.columns:
        columns = [str(column) for column in table.columns]
        near = difflib.get_close_matches(target, columns, n=1) or columns[-1:]
        raise StudyError(f"study.toml: study.target: {name} has no column {target!r}; did you mean {near[0]!r}?")
    if table.empty:
        raise StudyError(f"study.toml: study.data: {name} has no rows")
    if table.shape[1] < 2:
        raise StudyError(f"study.toml: study.data: {name} has no column beside {target!r} to predict it from")
    if missing := int(table[target].isna().sum()):
        raise StudyError(
            f"study.toml: study.target: {target!r} is missing in {missing} of {len(table)} rows; "
            "remove those rows or give them a label"
        )
    return table
