"""The profile of a study's training rows: a page in data/, and a summary on the terminal.

No sealed row is looked at. The page stands by itself: it loads nothing from anywhere.
"""

import html
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table as Columns

from autoresearch import content
from autoresearch.data import Table
from autoresearch.errors import DataError
from autoresearch.files import write_whole
from autoresearch.prepared import Prepared
from autoresearch.study import Study

__all__ = ["rows_of", "show", "write"]

ROWS = 20_000  # of a longer table, drawn with a seed
COLUMNS = 200  # of a wider one, the first ones
SHOWN = 40  # columns summed up on the terminal
LETTERS = 24  # of a value
SEED = 0


def rows_of(table: Table, study: Study, prepared: Prepared) -> pd.DataFrame:
    """Features, labels in words again, and the group, which is no feature, as one table."""
    labels = np.asarray(prepared.classes)[table.y] if prepared.classes else table.y
    tied = {} if table.structure.group is None or study.group is None else {study.group.column: table.structure.group}
    beside = pd.DataFrame(tied | {study.study.target: labels}, index=table.X.index)
    return pd.concat([table.X, beside], axis=1)


def write(root: Path, rows: pd.DataFrame, prepared: Prepared) -> Path:
    """Leave ``data/profile.html``, skrub's report on the training rows with the findings above it.

    Parameters
    ----------
    rows
        Training rows with their target.

    Raises
    ------
    DataError
        The page cannot be written.
    """
    from skrub import TableReport

    looked_at = rows.iloc[:, :COLUMNS] if rows.shape[1] > COLUMNS else rows
    if len(rows) > ROWS:
        looked_at = looked_at.sample(ROWS, random_state=SEED).sort_index()
    title = f"{prepared.name}: {_extent(rows, looked_at)}"
    with content.at_work("drawing data/profile.html"):
        page = TableReport(looked_at, title=title, verbose=0).html()
    path = root / "data" / "profile.html"
    try:
        write_whole(path, _with_findings(page, prepared.findings).encode())
    except OSError as error:
        raise DataError(
            f"data/{path.name} cannot be written: {error.strerror or error}; the study is prepared, "
            "make room or change the permissions, then `uv run prepare.py` again"
        ) from None
    return path


def _extent(rows: pd.DataFrame, looked_at: pd.DataFrame) -> str:
    if looked_at.shape == rows.shape:
        return f"{len(rows)} training rows"
    return f"{len(looked_at)} of {len(rows)} training rows, {looked_at.shape[1]} of {rows.shape[1]} columns"


def _with_findings(page: str, findings: tuple[str, ...]) -> str:
    items = "".join(f"<li>{html.escape(finding)}</li>" for finding in findings) or "<li>nothing was found</li>"
    section = f'<section style="margin: 1em; font-family: sans-serif"><h2>Findings</h2><ul>{items}</ul></section>'
    start = page.find("<body")
    after = page.find(">", start) + 1 if start >= 0 else 0
    return page[:after] + section + page[after:]


def show(rows: pd.DataFrame, prepared: Prepared) -> None:
    """Print the columns and the findings: a table on a terminal, plain lines elsewhere."""
    console = Console()
    if console.is_terminal:
        table = Columns(title="training rows", title_justify="left")
        for heading in ("column", "type", "missing", "distinct", "range or examples"):
            table.add_column(heading, overflow="fold")
        for column in _columns(rows):
            table.add_row(*column)
        console.print(table)
    else:
        for name, kind, missing, distinct, values in _columns(rows):
            _say(console, f"column: {name} | {kind} | missing {missing} | distinct {distinct} | {values}")
    if rows.shape[1] > SHOWN:
        _say(console, f"columns: {rows.shape[1] - SHOWN} more")
    for finding in prepared.findings:
        _say(console, f"warning: {finding}")
    if not prepared.findings:
        _say(console, "warnings: none")


def _say(console: Console, line: str) -> None:
    """One line, which a terminal may break and nothing else does."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _columns(rows: pd.DataFrame) -> list[tuple[str, str, str, str, str]]:
    """Name, type, share missing, distinct values, and range or examples, for the first columns."""
    return [
        (str(name), str(column.dtype), f"{column.isna().mean():.1%}", str(column.nunique()), _values(column))
        for name, column in rows.iloc[:, :SHOWN].items()
    ]


def _values(column: pd.Series) -> str:
    given = column.dropna()
    if given.empty:
        return "none"
    if pd.api.types.is_bool_dtype(given):
        return f"{given.mean():.1%} true"
    if pd.api.types.is_numeric_dtype(given):
        return f"{given.min():.6g} to {given.max():.6g}"
    if pd.api.types.is_datetime64_any_dtype(given):
        return f"{given.min()} to {given.max()}"
    return ", ".join(" ".join(str(value).split())[:LETTERS] for value in given.value_counts().index[:3])
