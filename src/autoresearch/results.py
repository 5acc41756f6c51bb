"""results.tsv: a view of the ledger, one row per iteration, that can be rebuilt at any time."""

from autoresearch.history import History
from autoresearch.trial import Trial

__all__ = ["header", "render", "test_score"]


def header(history: History) -> str:
    """The column names."""
    short = history.metric.short
    return "\t".join(("commit", f"val_{short}", f"test_{short}", "wall_time_s", "status", "description"))


def render(history: History) -> str:
    """All rows, oldest first, each ended by a newline; audited trials show the holdout's scores."""
    rows = [header(history), *(_row(history, trial) for trial in history.iterations)]
    return "".join(f"{row}\n" for row in rows)


def _row(history: History, trial: Trial) -> str:
    return "\t".join(
        (
            (trial.commit or trial.base)[:7],
            "" if trial.score is None else f"{trial.score:.6f}",
            test_score(history, trial),
            f"{trial.wall_s:.1f}",
            trial.status,
            " ".join((trial.hypothesis or trial.error or "").split()),
        )
    )


def test_score(history: History, trial: Trial) -> str:
    """The holdout's score of a trial, or ``sealed``."""
    if trial.test_score is not None:
        return f"{trial.test_score:.6f}"
    for audit in reversed(history.audits):
        if trial.n == audit.incumbent:
            return f"{audit.after:.6f}"
        if trial.n == audit.baseline:
            return f"{audit.before:.6f}"
    return "sealed"
