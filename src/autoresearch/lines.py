"""What is said on a line: the contract between the engine, its readers and grep.

The hooks of the coding client say `best` and `iteration` many times a session: importing this module costs little.
"""

from textwrap import shorten
from typing import TYPE_CHECKING, Protocol

from autoresearch.metrics import Metric
from autoresearch.trial import Evaluation, State, Trial

if TYPE_CHECKING:
    from autoresearch.history import History, Summary, View
    from autoresearch.proposals import Proposal
    from autoresearch.run import Review

__all__ = [
    "best", "claim", "evaluation", "exit_code", "iteration", "last_review_due", "next_steps", "noise", "proposal",
    "review", "review_due",
]  # fmt: skip

REVIEW = "review:"  # with which a reviewer's finding begins; other notes are lessons
REVIEW_SE = 4.0  # a gain beyond so many standard errors
REVIEW_SHARE = 0.2  # and beyond this share of what was left to a perfect score asks for fresh eyes
EXIT_CODES = {State.COMPLETE: 0, State.TIMED_OUT: 2}  # every other state: 3


class Line(Protocol):
    """What a line on a trial needs of its run."""

    @property
    def metric(self) -> Metric:
        """The run's objective."""
        ...

    @property
    def incumbent(self) -> Trial:
        """The best kept trial."""
        ...


def exit_code(state: State) -> int:
    """0 for a score, 2 for a time-out, 3 for a crash."""
    return EXIT_CODES.get(state, 3)


def evaluation(short: str, found: Evaluation) -> str:
    """The greppable lines of ``uv run train.py``."""
    from autoresearch.statistics import corrected_se

    score = se = ""
    if found.scores:
        values = [value for repeat in found.scores for value in repeat]
        score = f"{sum(values) / len(values):.6f}"
        se = f"{corrected_se(values, found.ratio):.6f}" if len(values) > 1 else ""
    test = "sealed" if found.test_score is None else f"{found.test_score:.6f}"
    reason = "time-out: " if found.state is State.TIMED_OUT else ""
    status = "ok" if found.state is State.COMPLETE else f"crashed ({reason}{found.error})"
    folds = f"{len(found.scores)}x{len(found.scores[0])}" if found.scores else "0"
    return "\n".join(
        (
            f"val_{short}: {score or 'none'}",
            f"val_{short}_se: {se or 'none'}",
            f"test_{short}: {test}",
            f"wall_time_s: {found.wall_s:.1f}",
            f"cv_folds: {folds}",
            f"status: {status}",
        )
    )


def iteration(history: Line, trial: Trial) -> str:
    """The one line of an iteration."""
    name = f"val_{history.metric.short}"
    label = "BASELINE" if trial.n == 0 else trial.label
    if trial.score is None:
        figures = f"{name}=none ({trial.error or trial.reason or trial.state.value})"
    elif trial.delta is None:
        figures = f"{name}={trial.score:.4f}" + ("" if trial.se is None else f" (± {trial.se:.4f})")
    else:
        figures = f"{name}={trial.score:.4f} (Δ {trial.delta:+.4f} ± {trial.delta_se or 0:.4f})"
    return f"iter {trial.n} | {figures} | {label:<10} — {trial.hypothesis or 'no HYPOTHESIS'}"


def best(history: Line) -> str:
    """The incumbent in one line."""
    found = history.incumbent
    name = f"val_{history.metric.short}"
    return f"best so far: {name}={found.score:.4f} @ {(found.commit or found.base)[:7]} — {found.hypothesis}"


def review(found: "Review") -> str:
    """What a reviewer found."""
    return f"review of trial {found.n}: {found.text}"


def proposal(history: "History", policy: str, found: "Proposal") -> list[str]:
    """At most six short lines: what to try, why, how to get there, what was tried from there."""
    from autoresearch.proposals import Action

    what = "a new approach" if found.action is Action.DRAFT else f"trial {found.node}"
    said = [f"next: {found.action} {what} ({policy})", f"why: {found.why}"]
    if history.parent.n == found.node:
        said.append(f"go there: you are there, trial {found.node} is the parent of the next trial")
    else:
        said.append(f"go there: uv run autoresearch checkout {found.node}")
    if found.action is Action.DEBUG:
        said.append(f"its traceback: uv run autoresearch show {found.node}")
    tried = [trial for trial in history.iterations if trial.parent == found.node]
    if tried:
        said.append(
            "tried from it: "
            + "; ".join(f"{t.n} {t.label} {shorten(t.hypothesis, 40, placeholder='…')}" for t in tried[-3:])
        )
    said.append("then: one idea in train.py, and uv run autoresearch step")
    return said


def noise(history: "View") -> str:
    """How large a gain has to be to be distinguishable."""
    found, alone = history.threshold(), history.baseline.se
    if found is None and alone is None:
        return "noise: unknown before the first comparison: a single split has no folds to tell it by"
    if found is None:
        return f"noise: the baseline's score has a standard error of {alone:.4f}"
    return f"noise: paired differences have had a standard error of about {found:.4f}"


def claim(history: "View") -> str:
    """The gain in the only words that may be used for it."""
    name = f"val_{history.metric.short}"
    found = history.claim()
    if found is None:
        text = f"no gain over the baseline ({name}={history.baseline.score:.4f})"
    else:
        text = (
            f"validation gain, optimistic: {found.delta:+.4f} {name}; "
            f"interval over {found.trials} trials {found.low:+.4f} to {found.high:+.4f}, approximate"
        )
    if not history.audits:
        seal = (
            f"the holdout was opened by {history.opened} audits of other runs"
            if history.opened
            else "the holdout is sealed"
        )
        return f"{text}; {seal}"
    audit = history.audits[-1]
    seen = " (unsealed study: the search had seen these rows)" if audit.unsealed else ""
    earlier = "" if audit.incumbent == history.incumbent.n else f" was of trial {audit.incumbent}, not of this gain"
    return (
        f"{text}; audit {audit.number}{earlier}: {audit.answer}, {audit.delta:+.4f} on the holdout, "
        f"{1 - audit.alpha:.1%} interval {audit.low:+.4f} to {audit.high:+.4f}{seen}"
    )


def review_due(history: "History", trial: Trial) -> str | None:
    """On which trial fresh eyes are due: a gain too large to be taken on trust, or the end of a run that gained."""
    before = next((kept for kept in reversed(history.kept) if kept.n < trial.n), None)
    if before and trial.delta is not None and trial.delta_se is not None:
        left = abs(history.metric.perfect - (before.score or 0.0))
        if trial.delta > REVIEW_SE * trial.delta_se and trial.delta > REVIEW_SHARE * left:
            way = f"{trial.delta / left:.0%} of the way to a perfect score"
            return f"review due: trial {trial.n}: a gain beyond {REVIEW_SE:g} SE, {way}; have leakage-reviewer look"
    return last_review_due(history)


def last_review_due(history: "History | Summary") -> str | None:
    """That fresh eyes are due on the incumbent of a run that has ended, unless they have looked; None otherwise."""
    n = history.incumbent.n
    looked = any(found.n == n and found.text.startswith(REVIEW) for found in history.reviews)
    if history.run.ended is None or n == 0 or looked:
        return None
    return f"review due: trial {n}, before the run is declared done; have leakage-reviewer look"


def next_steps(history: "History", trial: Trial) -> list[str]:
    """At most ten short lines that whoever edits train.py needs next."""
    lines = []
    if trial.reason and trial.n:
        lines.append(f"why: {trial.rule}: {trial.reason}")
    if trial.note:
        lines.append(f"note: {trial.note}")
    if trial.state.failed:
        lines.append(f"`autoresearch show {trial.n}` has the traceback; `autoresearch checkout {trial.n}` its source")
    lines.append(f"incumbent: trial {history.incumbent.n}, val_{history.metric.short}={history.incumbent.score:.4f}")
    if history.parent.n != history.incumbent.n:
        lines.append(f"parent: trial {history.parent.n}; `autoresearch checkout {history.incumbent.n}` goes back")
    budget = history.run.study.budget
    lines.append(f"budget: {history.used_iterations} of {budget.iterations} iterations")
    if due := review_due(history, trial):
        lines.append(due)
    if trial.n and len(history.iterations) % 10 == 1:
        lines.append(best(history))
        lines.append("look back: what was tried, what is exhausted, what would be different? `autoresearch insights`")
    return lines
