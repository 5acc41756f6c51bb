"""A table in a file: CSV in whatever encoding and with whatever delimiter, packed or not, or Parquet."""

import codecs
import difflib
import gzip
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd
from rich.console import Console
from rich.progress import track, wrap_file

from autoresearch import dialect
from autoresearch.columns import MISSING, typed
from autoresearch.errors import StudyError

__all__ = ["Loaded", "read"]

SAMPLE = 1 << 20  # bytes that the dialect is told from
UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # that pandas stores with a table
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
FOREIGN = {b"PK\x03\x04": "a zip archive or a spreadsheet", b"SQLite format 3": "an SQLite database", b"%PDF": "a PDF"}


@dataclass(frozen=True)
class Loaded:
    """A typed table, and in words what it was read as."""

    table: pd.DataFrame
    described: str


def read(path: Path, others: Iterable[str] = ()) -> Loaded:
    """Read a CSV or Parquet file, whichever it is, whatever its name.

    Parameters
    ----------
    others
        Names of tables that are no files.

    Raises
    ------
    StudyError
        It is no table; the message goes on after the file's name.
    OSError
        The system refuses it.
    """
    if path.is_dir():
        raise StudyError("is a folder; name a file in it")
    if not path.exists():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, [*beside, *others], n=1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        raise StudyError(f"is neither a file here nor a bundled table ({', '.join(others)}){meant}")
    before = path.stat()
    try:
        found = _parquet(path) if _starts(path, PARQUET) else _csv(path)
    except (OSError, ValueError, EOFError):
        _still(path, before.st_size, before.st_mtime_ns)
        raise
    _still(path, before.st_size, before.st_mtime_ns)
    return found


def _starts(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _still(path: Path, size: int, time_ns: int) -> None:
    """Refuse what somebody wrote to while it was read."""
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (size, time_ns):
        raise StudyError(
            f"changed while it was read ({size} bytes, then {after.st_size}); wait until it is written, then try again"
        )


def _parquet(path: Path) -> Loaded:
    import pyarrow as pa
    import pyarrow.parquet as pq

    console = Console(stderr=True)
    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if not UNNAMED_INDEX.fullmatch(name)]
            _distinct(names)
            columns = {  # one after the other: the whole table is never there twice
                name: typed(file.read(columns=[name]).to_pandas(ignore_metadata=True))[name]
                for name in track(names, "reading", console=console, transient=True, disable=not console.is_terminal)
            }
            table = pd.DataFrame(columns, index=range(file.metadata.num_rows), copy=False)
    except (pa.ArrowException, KeyError) as error:
        raise StudyError(f"cannot be read as Parquet: {_line(error)}") from None
    pa.default_memory_pool().release_unused()
    return Loaded(table, "Parquet")


def _csv(path: Path) -> Loaded:
    start = b""
    with _opened(path) as file:
        start = file.read(SAMPLE)
        odd = _odd(file, start)
    for mark, what in FOREIGN.items():
        if start.startswith(mark):
            raise StudyError(f"is {what}; save its table as CSV or Parquet")
    if not start.strip():
        raise StudyError("is empty; a table has a line of column names and rows")
    encoding = dialect.encoding(start, odd)
    if b"\0" in start and not encoding.startswith(("utf-16", "utf-32")):
        raise StudyError("is no text; save its table as CSV or Parquet")
    found = dialect.dialect(start.decode(encoding, errors="replace"), encoding)
    _distinct(name for name in found.header if name)
    settings: dict[str, Any] = {
        "sep": found.delimiter, "encoding": found.encoding, "decimal": found.decimal, "keep_default_na": False,
        "na_values": list(MISSING), "index_col": False,
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # of mixed types: they are read again, as text
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are longer than the header
            with _opened(path, "reading") as file:
                table = pd.read_csv(file, **settings)
            mixed = [name for name in table.columns if table[name].dtype == object]
            if mixed:
                with _opened(path, "reading columns of mixed types") as file:
                    again = pd.read_csv(file, usecols=mixed, dtype="str", **settings)
                for name in mixed:
                    table[name] = again[name]
    except UnicodeError as error:
        raise StudyError(f"cannot be read as {found}: {_line(error)}; save it as UTF-8") from None
    except (ValueError, pd.errors.ParserWarning) as error:
        raise StudyError(f"cannot be read as {found}: {_line(error)}; put the file right") from None
    return Loaded(typed(table), str(found))


@contextmanager
def _opened(path: Path, doing: str = "") -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked; on a terminal a bar shows how far it is read."""
    console = Console(stderr=True)
    packed = _starts(path, GZIP)
    with path.open("rb") as plain:
        shown = wrap_file(
            plain, path.stat().st_size, description=doing, console=console, transient=True,
            disable=not (doing and console.is_terminal),
        )  # fmt: skip
        with shown as raw:
            if packed:
                with gzip.open(raw) as file:
                    yield file  # type: ignore[misc]
            else:
                yield raw


def _odd(file: IO[bytes], start: bytes) -> bytes:
    """The first part of a file that is no UTF-8, with the lines around; empty where all of it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    part = start
    while part:
        try:
            decoder.decode(part)
        except UnicodeDecodeError:
            return part
        part = file.read(SAMPLE)
    return b"" if not decoder.getstate()[0] else start


def _distinct(names: Any) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise StudyError(f"has two columns named {name!r}; rename one of them")
        seen.add(name)


def _line(error: object) -> str:
    return " ".join(str(error).split())
