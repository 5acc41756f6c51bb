"""A run: one search over a study under a tag, on branch ``autoresearch/<tag>``."""

import re
from dataclasses import dataclass

from autoresearch.errors import AutoresearchError
from autoresearch.study import Study

__all__ = ["AuditRecord", "Review", "Run", "SearchRecord", "branch_of", "check_tag", "tag_of", "trial_ref"]

BRANCHES = "refs/heads/autoresearch/"


@dataclass(frozen=True)
class Run:
    """What the ledger knows of a run, beside its trials.

    Parameters
    ----------
    frozen
        Path to SHA-256 of every file that decides a score.
    base
        Commit the run started from.
    repeats
        Repeats of the cross-validation that a trial is measured on.
    bound
        The score beyond which leakage is looked for first.
    parent
        The trial whose source the next edit starts from.
    ended
        Why the run ended; None while it is live.
    resumed, resumed_n
        When the budget began, and the last trial before it did.
    folder
        The study's folder in the repository: empty, or ending in a slash.
    """

    tag: str
    fingerprint: str
    study: Study
    frozen: dict[str, str]
    created: float
    base: str
    repeats: int
    bound: float
    resumed: float
    parent: int = 0
    ended: str | None = None
    resumed_n: int = 0
    warnings: tuple[str, ...] = ()
    folder: str = ""

    @property
    def ref(self) -> str:
        """The run's branch."""
        return branch_of(self.tag)


@dataclass(frozen=True)
class AuditRecord:
    """One opening of the seal, and its answer."""

    tag: str
    created: float
    number: int
    baseline: int
    incumbent: int
    before: float
    after: float
    delta: float
    low: float
    high: float
    alpha: float
    method: str
    unsealed: bool

    @property
    def answer(self) -> str:
        """``proven``, ``worse`` or ``not distinguishable``."""
        if self.low > 0:
            return "proven"
        return "worse" if self.high < 0 else "not distinguishable"


@dataclass(frozen=True)
class Review:
    """What a reviewer found in trial `n`, in one line."""

    tag: str
    n: int
    created: float
    text: str


@dataclass(frozen=True)
class SearchRecord:
    """A search of the library in a run, so that the same command goes on where it was killed.

    Parameters
    ----------
    first
        The number of its first trial.
    trials, minutes
        Its budget.
    width
        Trials begun at a time: what a trial is chosen by are the results of those that far before it.
    seconds
        Spent so far.
    """

    tag: str
    first: int
    seed: int
    trials: int
    minutes: float | None
    width: int
    seconds: float = 0.0
    ended: bool = False


def branch_of(tag: str) -> str:
    """Full ref of a run's branch."""
    return BRANCHES + tag


def tag_of(ref: str | None) -> str | None:
    """The run's tag when `ref` is a run's branch, else None."""
    return ref.removeprefix(BRANCHES) if ref and ref.startswith(BRANCHES) else None


def trial_ref(tag: str, n: int) -> str:
    """The ref that keeps trial `n`, kept or not, from git's garbage collection."""
    return f"refs/autoresearch/{tag}/{n}"


def check_tag(tag: str) -> str:
    """Refuse a tag that could not name a branch and a folder.

    Raises
    ------
    AutoresearchError
        It has other characters than letters, digits, ``.``, ``_``, ``-``, or is longer than 60.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", tag) or ".." in tag or tag.endswith((".", ".lock")):
        raise AutoresearchError(
            f"tag: {tag!r} cannot name a branch; use 1 to 60 letters, digits, '.', '_' or '-', a letter or digit first"
        )
    return tag
