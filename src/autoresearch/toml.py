"""Changes to the text of a TOML file that leave its comments and everything else as they are. Pure."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from autoresearch.errors import StudyError

__all__ = ["Value", "changed"]

Value = str | int | float | bool | list[str]
HEADER = re.compile(r"\s*\[\s*([A-Za-z0-9_-]+)\s*\]")


def changed(text: str, changes: Mapping[tuple[str, str], Value | None], without: Sequence[str] = ()) -> str:
    """Set keys of sections, take those out that are None, and take out the sections `without`.

    Raises
    ------
    StudyError
        The text is no TOML, or is written in a way that cannot be changed line by line.
    """
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"study.toml: not valid TOML: {error}; put it right, or move it away") from None
    lines = text.splitlines()
    for name in without:
        wanted.pop(name, None)
        start, end = _section(lines, name)
        del lines[start:end]
    for (section, key), value in changes.items():
        _set(lines, section, key, value)
        if value is not None:
            wanted.setdefault(section, {})[key] = value
        elif section in wanted:
            wanted[section].pop(key, None)
    new = "\n".join(lines).rstrip("\n") + "\n"
    try:
        found: Any = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        found = None
    if found != wanted:
        names = ", ".join(f"{section}.{key}" for section, key in changes)
        raise StudyError(f"study.toml: its layout cannot be changed from here; set {names} by hand")
    return new


def _set(lines: list[str], section: str, key: str, value: Value | None) -> None:
    start, end = _section(lines, section)
    if start == len(lines):
        if value is not None:
            lines += ["", f"[{section}]", f"{key} = {_literal(value)}"]
        return
    last = start
    for first, after in _statements(lines, start + 1, end):
        if re.match(rf'\s*"?{re.escape(key)}"?\s*=', lines[first]):
            comment = lines[first][_comment(lines[first]) :] if after == first + 1 else ""
            column = len(lines[first]) - len(comment)
            new = [] if value is None else [f"{key} = {_literal(value)}"]
            if new and comment:
                new = [f"{new[0]}  ".ljust(column) + comment]
            lines[first:after] = new
            return
        last = after - 1
    if value is not None:
        lines.insert(last + 1, f"{key} = {_literal(value)}")


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """From a section's header to the next one's; both the end of the file where it is not there."""
    headers = [i for i, line in enumerate(lines) if HEADER.match(line)]
    for i, following in pairwise([*headers, len(lines)]):
        found = HEADER.match(lines[i])
        if found and found[1] == name:
            return i, following
    return len(lines), len(lines)


def _statements(lines: list[str], start: int, end: int) -> list[tuple[int, int]]:
    """First line of each key with its value, and the line after it: a value may take several."""
    found, first = [], start
    while first < end:
        after = first + 1
        if lines[first].strip() and not lines[first].lstrip().startswith("#"):
            while after < end and not _parses("\n".join(lines[first:after])):
                after += 1
            found.append((first, after))
        first = after
    return found


def _comment(line: str) -> int:
    """Where the comment of a line begins, or its end."""
    marks = [i for i, letter in enumerate(line) if letter == "#"]
    return next((i for i in marks if _parses(line[:i]) and tomllib.loads(line[:i]) == tomllib.loads(line)), len(line))


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _literal(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
