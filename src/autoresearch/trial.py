"""A trial: one evaluated version of train.py, what came out of it and what was decided."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

__all__ = ["Evaluation", "Evidence", "GoOn", "Repeats", "ScorerLike", "State", "Trial", "Verdict"]


class State(StrEnum):
    """How far a trial got. Not a judgement: see `Verdict`."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"

    @property
    def failed(self) -> bool:
        """Whether the trial ended without a score through its own fault."""
        return self in (State.CRASHED, State.TIMED_OUT)


class Verdict(StrEnum):
    """What was decided on a complete trial."""

    KEEP = "keep"
    DISCARD = "discard"


class Evidence(StrEnum):
    """Who produced the score: the scorer from predictions, or a script that printed a number."""

    MEASURED = "measured"
    SELF_REPORTED = "self_reported"


Repeats = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Evaluation:
    """What the scorer hands back for one source.

    Parameters
    ----------
    state
        complete, crashed or timed_out.
    scores
        Fold scores, one inner tuple per complete repeat; empty unless complete.
    ratio
        Validation rows per training row of a fold.
    wall_s, cpu_s
        Wall clock of the trial and CPU of its folds, in seconds.
    peak_mb
        Largest resident memory of a fold's process, in MB.
    isolation
        Level reached: full, partial, process, or none for the in-process test double.
    error, traceback
        One line for people and the whole story for `show`; None unless failed.
    note
        What a reader should know of a complete trial, e.g. that repeats were cut.
    predictions
        Digest of the out-of-fold predictions kept beside the ledger.
    test_score
        Holdout score, only in a study that is unsealed by `holdout.show`.
    """

    state: State
    isolation: str
    scores: Repeats = ()
    ratio: float = 0.25
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    error: str | None = None
    traceback: str | None = None
    note: str = ""
    predictions: str | None = None
    test_score: float | None = None


@dataclass(frozen=True)
class Trial:
    """One row of the ledger.

    Parameters
    ----------
    tag, n
        The run and the trial's number in it; 0 is the baseline.
    parent
        Number of the trial whose source was edited; None for the baseline.
    base
        Commit that the branch pointed to when the trial was made.
    blob, commit
        Git's names for the source and for its snapshot commit.
    source, hypothesis
        The file's text and its HYPOTHESIS line.
    code, seedless
        Hashes of the normalised syntax tree, with and without the values of seeds.
    delta, delta_se
        Paired gain over the incumbent of that moment; None for the baseline and for failures.
    total_se
        For the single split of large tables: row-level SE of the gain over the baseline.
    by_hand
        Measured by ``uv run train.py``: git is then the person's to move.
    searched
        Made by a search: its text was not in train.py.
    settled
        Whether branch, index and train.py were brought in line with the verdict.
    """

    tag: str
    n: int
    parent: int | None
    base: str
    blob: str
    source: str
    hypothesis: str
    code: str
    seedless: str
    created: float
    commit: str | None = None
    by_hand: bool = False
    searched: bool = False
    settled: bool = False
    state: State = State.RUNNING
    verdict: Verdict | None = None
    rule: str = ""
    reason: str = ""
    scores: Repeats = ()
    ratio: float = 0.25
    score: float | None = None
    se: float | None = None
    delta: float | None = None
    delta_se: float | None = None
    total_se: float | None = None
    test_score: float | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    isolation: str = ""
    evidence: Evidence = Evidence.MEASURED
    error: str | None = None
    traceback: str | None = field(default=None, repr=False)
    note: str = ""
    predictions: str | None = None

    @property
    def label(self) -> str:
        """What became of it, in the one word of the iteration line."""
        if self.state is State.COMPLETE and self.verdict:
            return "KEPT" if self.verdict is Verdict.KEEP else "DISCARDED"
        return self.state.value.upper().replace("_", " ")

    @property
    def status(self) -> str:
        """The status column of results.tsv: keep, discard or crash."""
        if self.state is State.COMPLETE and self.verdict:
            return self.verdict.value
        if self.state is State.PRUNED:
            return Verdict.DISCARD.value
        return "crash" if self.state.failed else self.state.value


GoOn = Callable[[Sequence[tuple[float, ...]]], bool]
"""Told the fold scores of the complete repeats so far, whether to measure another."""


class ScorerLike(Protocol):
    """What the loop needs of a scorer."""

    def evaluate(self, source: str, repeats: int, width: int | None = None, go_on: GoOn | None = None) -> Evaluation:
        """Measure a source, on so many cores (by default all), as long as `go_on` says so after a repeat."""
        ...

    def repeats_exactly(self, source: str, predictions: str) -> bool:
        """Whether measuring again gives the same predictions."""
        ...

    def row_se(self, before: str, after: str) -> float | None:
        """Row-level SE of a gain between two kept predictions."""
        ...

    def close(self) -> None:
        """End its processes."""
        ...
