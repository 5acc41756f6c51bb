"""Drafts of study.toml: what a person says on the command line of prepare.py, filled in by what the table shows."""

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import get_args

from autoresearch import sources, study, toml
from autoresearch.columns import meant
from autoresearch.errors import DataError, StudyError
from autoresearch.files import aside_of, writing
from autoresearch.inference import Asked, Inferred, infer
from autoresearch.metrics import Task
from autoresearch.study import Study
from autoresearch.workspace import Workspace

__all__ = ["Draft", "draft"]

NAME = "study.toml"
SPLITS = ("group", "time")
"""Sections that name a column of the table."""
Changes = dict[tuple[str, str], toml.Value | None]


@dataclass(frozen=True)
class Draft:
    """A study.toml that is not written yet, the table that it is for, and the reasons for what nobody said."""

    text: str
    study: Study
    loaded: sources.Loaded
    reasons: tuple[str, ...]

    def write(self, workspace: Workspace) -> Iterator[str]:
        """Write it, and say what was done; a study.toml that git does not have stays under another name.

        Raises
        ------
        DataError
            It cannot be written.
        """
        path = workspace.root / NAME
        if path.exists() and path.read_text(encoding="utf-8") == self.text:
            return
        in_git = workspace.git.tracks(NAME) and not workspace.git.dirty([NAME])
        if path.exists() and not in_git:
            yield f"kept: {aside_of(path).name}, the {NAME} that was here"
        try:
            with writing(path, aside=not in_git) as file:
                file.write(self.text.encode())
        except OSError as error:
            raise DataError(
                f"{NAME} cannot be written: {error.strerror or error}; the old one is still there"
            ) from None
        yield f"written: {NAME}; edit it as you like, and commit it before a run"


def draft(root: Path, arguments: Sequence[str]) -> Draft:
    """Draft the study that `arguments` ask for: over a new table, or the present one with some things changed.

    Raises
    ------
    StudyError
        The table cannot be read, has no such column, or its target is no task.
    """
    options = _parser().parse_args(arguments)
    path = root / NAME
    text = path.read_text(encoding="utf-8") if path.exists() else None
    before = study.load(path) if text and not options.table else None
    if not options.table and not before:
        raise StudyError("name a table: uv run prepare.py my.csv --target COLUMN")
    data = before.study.data if before else _place(root, options.table)
    loaded = sources.load(root, data)
    drop = list(dict.fromkeys([*(before.study.drop if before else ()), *options.drop]))
    named = {"target": [options.target], "group": [options.group], "time": [options.time], "drop": drop}
    for option, names in named.items():
        for name in names:
            if name is not None and name not in loaded.table.columns:
                raise StudyError(f"--{option}: {data} has no column {name!r}; {meant(name, loaded.table.columns)}")
    aside = {name for name in (*drop, options.group, options.time) if name is not None}
    kept = loaded.table.drop(columns=list(aside - {options.target}))
    inferred = infer(kept, _asked(options, before))
    changes = _changes(options, drop, inferred)
    if not before:
        changes = _fresh(data) | changes
    new = toml.changed(text or _template(), changes, () if before else SPLITS)
    return Draft(new, study.parse(new, NAME), loaded, inferred.reasons)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "prepare.py", description="Prepare the study of study.toml, or draft study.toml for a table first."
    )
    parser.add_argument("table", nargs="?", help="a file, a bundled table, openml:NAME@VERSION, or an address")
    parser.add_argument("--target", metavar="COLUMN", help="what is predicted")
    parser.add_argument("--task", choices=get_args(Task))
    parser.add_argument("--metric", metavar="NAME", help="what a trial is measured by: docs/commands.md")
    parser.add_argument("--positive", metavar="LABEL", help="the class of a binary task that is looked for")
    parser.add_argument("--group", metavar="COLUMN", help="rows of one group stay on one side of every split")
    parser.add_argument("--time", metavar="COLUMN", help="later rows validate, the latest are the holdout")
    parser.add_argument("--drop", metavar="COLUMN", action="append", default=[], help="leave it out; repeatable")
    parser.add_argument("--drop-missing-target", action="store_true", help="leave out rows without a label")
    return parser


def _asked(options: argparse.Namespace, before: Study | None) -> Asked:
    """What was said now, and, where target and task stay, what the present study says."""
    said = Asked(options.target, options.task, options.metric, options.positive)
    if not before or options.target not in (None, before.study.target):
        return said
    if options.task not in (None, before.study.task):
        return replace(said, target=before.study.target)
    positive = None if before.study.positive is None else str(before.study.positive)
    return Asked(
        before.study.target, before.study.task, said.metric or before.evaluation.metric, said.positive or positive
    )


def _fresh(data: str) -> Changes:
    """What another table says anew."""
    return {
        ("study", "name"): _name(data),
        ("study", "data"): data,
        ("study", "readable"): [],
        ("study", "drop_missing_target"): None,
    }


def _changes(options: argparse.Namespace, drop: list[str], inferred: Inferred) -> Changes:
    changes: Changes = {
        ("study", "target"): inferred.target,
        ("study", "task"): inferred.task,
        ("study", "positive"): inferred.positive,
        ("study", "drop"): drop,
        ("evaluation", "metric"): inferred.metric,
    }
    if options.drop_missing_target:
        changes["study", "drop_missing_target"] = True
    for section in SPLITS:
        if (column := getattr(options, section)) is not None:
            changes[section, "column"] = column
    return changes


def _place(root: Path, table: str) -> str:
    """The table as study.toml names it: a file by its path from there."""
    if table in sources.BUNDLED or table.startswith(sources.OPENML) or "://" in table:
        return table
    return os.path.relpath(Path(table).absolute(), root) if Path(table).exists() else table


def _name(data: str) -> str:
    """A study's name after its table: letters, digits, - and _."""
    last = data.removeprefix(sources.OPENML).partition("@")[0].rstrip("/").rsplit("/", 1)[-1]
    stem = last.split("?", 1)[0].split(".", 1)[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_") or "table"


def _template() -> str:
    return resources.files("autoresearch").joinpath("draft.toml").read_text(encoding="utf-8")
