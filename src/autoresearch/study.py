"""The study: what is studied, how it is measured and what it may cost, as study.toml says it.

The classes are plain and import nothing heavy, because every command needs them; pydantic checks
study.toml when it is read, so that an error names the field.
"""

import dataclasses
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from autoresearch import acceptance, metrics
from autoresearch.errors import StudyError
from autoresearch.metrics import Metric, Task

__all__ = ["Study", "load", "parse"]

FORBID = {"extra": "forbid"}
LONGEST_LAG = 1_000_000
LARGEST_SEED = 2**31 - 1  # seeds are counted up from, and libraries take 32 bits


@dataclass(frozen=True)
class Source:
    """The table (a bundled name, OpenML, an address, a file), what in it is predicted, what of it is left out."""

    __pydantic_config__: ClassVar = FORBID
    name: str
    data: str
    target: str
    task: Task
    positive: str | int | float | bool | None = None
    drop: tuple[str, ...] = ()
    drop_missing_target: bool = False
    readable: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationSettings:
    """The metric, and the seed that deals rows into folds."""

    __pydantic_config__: ClassVar = FORBID
    metric: str
    seed: int = 42


@dataclass(frozen=True)
class Group:
    """The column whose equal values tie rows together: they stay on one side of every split."""

    __pydantic_config__: ClassVar = FORBID
    column: str


@dataclass(frozen=True)
class Time:
    """The column that orders rows in time, and columns to the lags, in earlier rows, that trials are given of them."""

    __pydantic_config__: ClassVar = FORBID
    column: str
    lags: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Holdout:
    """Rows that no trial sees: their share, the seed that draws them, and whether they stay sealed."""

    __pydantic_config__: ClassVar = FORBID
    fraction: float = 0.2
    seed: int = 42
    show: Literal["never", "always"] = "never"


@dataclass(frozen=True)
class Acceptance:
    """What the search keeps: a rule's name, and whether a shorter file with the same score is kept."""

    __pydantic_config__: ClassVar = FORBID
    rule: str = "one_se"
    simplify: bool = True


@dataclass(frozen=True)
class Budget:
    """Seconds for a trial with all its folds, memory for one fold; iterations and hours for a run."""

    __pydantic_config__: ClassVar = FORBID
    trial_seconds: float = 180.0
    memory_gb: float = 4.0
    iterations: int = 100
    hours: float = 8.0


@dataclass(frozen=True)
class Study:
    """A study, frozen while a run is live.

    Raises
    ------
    StudyError
        From `load`: in one line, with the file, the field, the value and what is allowed.
    """

    __pydantic_config__: ClassVar = FORBID
    study: Source
    evaluation: EvaluationSettings
    holdout: Holdout = field(default_factory=Holdout)
    acceptance: Acceptance = field(default_factory=Acceptance)
    budget: Budget = field(default_factory=Budget)
    group: Group | None = None
    time: Time | None = None

    @property
    def metric(self) -> Metric:
        """The objective: metric and direction."""
        return metrics.lookup(self.evaluation.metric)

    def to_json(self) -> str:
        """Canonical text of all settings."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Study":
        """Rebuild a study that was checked before it was written."""
        raw = json.loads(text)
        group, time = raw.get("group"), raw.get("time")
        return cls(
            Source(**raw["study"] | {name: tuple(raw["study"].get(name, ())) for name in ("drop", "readable")}),
            EvaluationSettings(**raw["evaluation"]),
            Holdout(**raw["holdout"]),
            Acceptance(**raw["acceptance"]),
            Budget(**raw["budget"]),
            Group(**group) if group else None,
            Time(time["column"], {name: tuple(lags) for name, lags in time["lags"].items()}) if time else None,
        )

    def identity(self) -> dict[str, Any]:
        """What scores depend on beside the table's bytes: the settings part of the fingerprint.

        Names, paths, the acceptance rule and `holdout.show` change no score and are left out.
        """
        return {
            "target": self.study.target,
            "task": self.study.task,
            "positive": self.study.positive,
            "drop": sorted(self.study.drop),
            "drop_missing_target": self.study.drop_missing_target,
            "evaluation": dataclasses.asdict(self.evaluation),
            "holdout": [self.holdout.fraction, self.holdout.seed],
            "budget": dataclasses.asdict(self.budget),
            "group": self.group and dataclasses.asdict(self.group),
            "time": self.time and dataclasses.asdict(self.time),
        }


def load(path: Path) -> Study:
    """Read and check study.toml.

    Raises
    ------
    StudyError
        The file is missing, is no TOML, has an unknown key, a wrong type or a value out of bounds.
    """
    if not path.is_file():
        raise StudyError(f"{path.name}: not found in {path.parent}; run this where study.toml lies")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StudyError(f"{path.name}: not valid TOML: {error}") from None
    return parse(text, path.name)


def parse(text: str, name: str) -> Study:
    """Check the text of a study.toml that is called `name`.

    Raises
    ------
    StudyError
        As for `load`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{name}: not valid TOML: {error}") from None
    study = _validate(raw, name)
    try:
        _check(study)
    except StudyError as error:
        raise StudyError(f"{name}: {error}") from None
    return study


def _validate(raw: dict[str, Any], name: str) -> Study:
    from pydantic import TypeAdapter, ValidationError

    try:
        # by way of JSON: strict mode takes a mapping for a class there, and nowhere else
        return TypeAdapter(Study).validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][:2])  # section and field; a union adds its member
        if first["type"] == "unexpected_keyword_argument":
            message = f"unknown key; known here: {', '.join(_known(first['loc'][:-1]))}"
        elif first["type"] in ("missing", "missing_argument"):
            message = "is required and missing"
        else:
            message = f"{first['input']!r} does not fit: {first['msg'][0].lower()}{first['msg'][1:]}"
        raise StudyError(f"{name}: {where}: {message}") from None


def _known(path: tuple[str | int, ...]) -> list[str]:
    """Names of the settings at `path` (a section, or the top)."""
    sections: dict[str, Any] = {f.name: f.type for f in dataclasses.fields(Study)}
    cls = sections[str(path[0])] if path else Study
    return [f.name for f in dataclasses.fields((*get_args(cls), cls)[0])]  # a section that may be absent is a union


def _check(study: Study) -> None:
    """Bounds that types do not say."""
    metric = metrics.lookup(study.evaluation.metric)
    task = study.study.task
    if task not in metric.tasks:
        fitting = ", ".join(m.name for m in metrics.METRICS.values() if task in m.tasks)
        raise StudyError(f"evaluation.metric: {metric.name!r} does not measure a {task} task; choose {fitting}")
    acceptance.lookup(study.acceptance.rule)
    bounds = [
        ("evaluation.seed", study.evaluation.seed, 0, LARGEST_SEED),
        ("holdout.fraction", study.holdout.fraction, 0.05, 0.5),
        ("holdout.seed", study.holdout.seed, 0, LARGEST_SEED),
        ("budget.trial_seconds", study.budget.trial_seconds, 1, 86_400),
        ("budget.memory_gb", study.budget.memory_gb, 0.25, 4_096),
        ("budget.iterations", study.budget.iterations, 1, 1_000_000),
        ("budget.hours", study.budget.hours, 0.01, 10_000),
    ]
    for field_name, value, low, high in bounds:
        if not low <= value <= high:
            raise StudyError(f"{field_name}: {value} is out of bounds; give a number from {low} to {high}")
    if not study.study.name.replace("-", "").replace("_", "").isalnum():
        raise StudyError(f"study.name: {study.study.name!r} names a file; use letters, digits, - and _")
    _check_structure(study)


def _check_structure(study: Study) -> None:
    """The target, the group and the time are three columns; lags count back."""
    taken = {study.study.target: "the target"}
    for name, section in (("group", study.group), ("time", study.time)):
        if section and section.column in taken:
            raise StudyError(f"{name}.column: {section.column!r} is {taken[section.column]}; name another column")
        if section:
            taken[section.column] = f"the {name} column"
    for column, lags in study.time.lags.items() if study.time else ():
        if not lags or min(lags) < 1 or max(lags) > LONGEST_LAG or len(set(lags)) < len(lags):
            raise StudyError(
                f"time.lags: {column} = {list(lags)} does not count back; give different whole numbers "
                f"from 1 to {LONGEST_LAG}"
            )
