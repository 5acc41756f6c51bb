"""Where a run stands, as far as hooks have to know."""

from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch.metrics import Metric
from autoresearch.trial import Trial

__all__ = ["Standing"]


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Parameters
    ----------
    ended
        Why it has ended or is to end; None while it may go on.
    used, iterations
        Iterations of the current budget, and how many that has.
    made
        Trials that ended, baseline included.
    failures
        Crashes and time-outs at the end.
    parent
        The trial whose source the next edit starts from.
    last
        The latest trials that ended, oldest first.
    """

    tag: str
    ended: str | None
    used: int
    iterations: int
    made: int
    failures: int
    parent: int
    metric: Metric
    baseline: Trial
    incumbent: Trial
    last: Sequence[Trial]
