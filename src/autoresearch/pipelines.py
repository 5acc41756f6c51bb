"""A person's script on disk: what it reads and predicts, and the best of it written beside it. docs/decompose.md."""

import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoresearch import script
from autoresearch.choosing import Catalogue, options
from autoresearch.decompose import Decomposed, decompose
from autoresearch.errors import AutoresearchError, StudyError
from autoresearch.library import Composition, Variant, picked
from autoresearch.origins import origin
from autoresearch.recomposition import OWN, Recomposition, own_composition, slots
from autoresearch.rewriting import write_back
from autoresearch.space import Own, Space
from autoresearch.tried import Level

__all__ = ["Pipeline", "Subject", "catalogue", "open_pipeline", "study_from_script"]


@dataclass(frozen=True)
class Subject:
    """What a study of a script is about: the table, a path or the name of a bundled one, and the column predicted."""

    data: str
    target: str


@dataclass(frozen=True)
class Pipeline:
    """A script that can be searched over.

    Parameters
    ----------
    encoding
        Of its text on disk.
    """

    path: Path
    encoding: str
    parts: Decomposed
    subject: Subject

    @property
    def said(self) -> list[str]:
        """What was made of it, a line each."""
        return [str(self.parts), f"table: {self.subject.data}; target: {self.subject.target}", *self.parts.notes]

    def own(self, offered: Mapping[str, tuple[Variant, ...]]) -> Recomposition:
        """The person's own pipeline, as a train.py; `offered` is the library's variants for the task."""
        return own_composition(self.parts, offered)

    def write_best(self, composition: Composition) -> Path:
        """Write the script with `composition` in it beside the original, under the next free name."""
        assert isinstance(composition, Recomposition)
        text = write_back(composition, self.subject.target, composition.hypothesis())
        data = text.encode(self.encoding, errors="backslashreplace")
        for number in range(1, 10_000):
            path = self.path.with_name(f"{self.path.stem}.best{'' if number == 1 else f'-{number}'}.py")
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError:
                continue
            return path
        raise AutoresearchError(f"{self.path.stem}.best.py: there are 9999 of them; move some away")


def catalogue(
    parts: Decomposed, offered: Mapping[str, tuple[Variant, ...]], stand_in: str, things: frozenset[str]
) -> Catalogue:
    """What a search over a script composes, the person's own pipeline to begin with.

    A model that brings its own preprocessing goes with no other; a model of the library needs some.

    Parameters
    ----------
    stand_in
        The preprocessing that a model of the library gets where the person's cannot be had alone.
    things
        What the table has: `space.things`.
    """
    found = slots(parts, offered)
    own = Own(parts.model.whole, "" if parts.preprocessing else stand_in)
    space = Space(options(found), tuple(Level(OWN) for _ in found), things, own=own)

    def compose(choice: Mapping[str, str], params: Mapping[str, Any]) -> Recomposition | None:
        chosen = picked(found, choice, params)
        return Recomposition(chosen, parts) if chosen else None

    return Catalogue(space, compose)


def open_pipeline(path: Path, data: str | None = None, target: str | None = None) -> Pipeline:
    """Read a script, split it into slots, and find what it studies.

    Parameters
    ----------
    data, target
        What a person said; None where the script is to say it.

    Raises
    ------
    AutoresearchError
        It is not there, is no Python, has a part that cannot be mapped, or leaves open what it reads or predicts.
    """
    text, encoding = _text(path)
    subject = None
    functions = script.read(text, path.name).functions
    if functions:  # without any, the more helpful refusal is the one of decompose
        subject = study_from_script(path, text, data, target)
    parts = decompose(text, path.name, subject.target if subject else "")
    assert subject
    return Pipeline(path, encoding, parts, subject)


def study_from_script(path: Path, text: str, data: str | None = None, target: str | None = None) -> Subject:
    """Find the table that a script reads and the column that it predicts, or say what to pass.

    Raises
    ------
    StudyError
        The script leaves one of them open, or the file is not there.
    """
    found = origin(script.read(text, path.name))
    if target is None and len(found.targets) != 1:
        known = (
            f"may predict {' or '.join(map(repr, found.targets))}"
            if found.targets
            else "does not say which column it predicts"
        )
        raise StudyError(f"{path.name}: {known}; pass --target COLUMN")
    return Subject(
        data if data is not None else _data(path, found.data, found.line, bundled=found.bundled),
        target or found.targets[0],
    )


def _data(path: Path, name: str, line: int, *, bundled: bool) -> str:
    """The table that a script names, as a study names it."""
    if bundled:
        from autoresearch.sources import BUNDLED

        if name in BUNDLED:
            return name
        raise StudyError(
            f"{path.name}:{line}: reads the data set {name!r} of a library; write it to a CSV, pass --data {name}.csv"
        )
    if not name:
        where = f":{line}: reads a file of which only the running script knows the name" if line else ": reads no table"
        raise StudyError(f"{path.name}{where}; pass --data FILE")
    if "://" in name:
        return name
    for folder in (path.parent, Path()):
        if (file := folder / Path(name).expanduser()).is_file():
            return str(file)
    raise StudyError(
        f"{path.name}:{line}: reads {name!r}, which is neither beside the script nor here; pass --data FILE"
    )


def _text(path: Path) -> tuple[str, str]:
    """A script's text, line ends as they are, and its encoding."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AutoresearchError(
            f"{path}: cannot be read: {error.strerror or error}; give the path of a script"
        ) from None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), encoding
    except (SyntaxError, UnicodeDecodeError) as error:
        raise AutoresearchError(
            f"{path.name}: is no text in the encoding that it says: {error}; save it as UTF-8"
        ) from None
