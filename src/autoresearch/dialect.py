"""How a text file writes its table: encoding, delimiter, decimal mark. Pure: bytes in, a dialect out."""

import codecs
import csv
import re
from dataclasses import dataclass

from autoresearch.errors import StudyError

__all__ = ["Dialect", "dialect", "encoding"]

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
TELLING = 1 << 16  # bytes of lines that are not plain ASCII, to tell the encoding from
SIGN_IN_WORD = re.compile("[A-Za-z\u00c0-\u00ff][\u0080-\u00bf\u0192-\u2122][A-Za-z\u00c0-\u00ff]")
LINES = 200  # that the delimiter is told from
DECIMAL_COMMA, DECIMAL_POINT = re.compile(r"[+-]?\d+,\d+"), re.compile(r"[+-]?\d+\.\d+")


@dataclass(frozen=True)
class Dialect:
    """What has to be known to read the file.

    Parameters
    ----------
    header
        Names of the columns, as they stand.
    """

    encoding: str
    delimiter: str
    decimal: str
    header: tuple[str, ...]

    def __str__(self) -> str:
        decimal = ", decimal comma" if self.decimal == "," else ""
        return f"CSV, {DELIMITERS[self.delimiter]}-separated, {self.encoding.removesuffix('-sig')}{decimal}"


def encoding(start: bytes, odd: bytes) -> str:
    """Name the encoding of a file from its first bytes and from the first of them that are no UTF-8.

    Parameters
    ----------
    odd
        Empty where the whole file is UTF-8.

    Raises
    ------
    StudyError
        It cannot be told.
    """
    for mark, name in MARKS:
        if start.startswith(mark):
            return name
    if not odd:
        return "utf-8"
    telling = b"\n".join(line for line in odd.splitlines() if not line.isascii())[:TELLING]
    if _western(telling):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = None if b"\0" in odd else from_bytes(telling).best()
    if best is None:
        raise StudyError("is in an encoding that cannot be found out; save it as UTF-8")
    return best.encoding


def _western(telling: bytes) -> bool:
    """Whether Windows' encoding for western Europe gives words: plain letters for the most part, no signs in them.

    Tables in anything but UTF-8 are mostly in this one, and a few short words are too little for statistics.
    """
    try:
        text = telling.decode("cp1252")
    except UnicodeDecodeError:
        return False
    accented = len(re.findall("[\u00c0-\u00ff]", text))
    return accented <= len(re.findall("[A-Za-z]", text)) and not SIGN_IN_WORD.search(text)


def dialect(text: str, encoding: str) -> Dialect:
    """Tell delimiter and decimal mark from a file's first lines.

    The delimiter is the one by which most lines have as many fields as the first; among equals, the most fields.
    """
    lines = [line for line in text.splitlines() if line.strip()][:LINES]
    tables = {mark: list(csv.reader(lines, delimiter=mark)) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: _fit(tables[mark]))
    rows = tables[delimiter]
    fields = [field.strip() for row in rows[1:] for field in row]
    comma = delimiter != "," and any(map(DECIMAL_COMMA.fullmatch, fields))
    decimal = "," if comma and not any(map(DECIMAL_POINT.fullmatch, fields)) else "."
    return Dialect(encoding, delimiter, decimal, tuple(rows[0]) if rows else ())


def _fit(rows: list[list[str]]) -> tuple[float, int]:
    if not rows or len(rows[0]) < 2:
        return 0.0, 0
    width = len(rows[0])
    return sum(len(row) == width for row in rows) / len(rows), width
