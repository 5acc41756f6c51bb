"""The history: a pure view of a run's trials, from which everything is decided and said."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from autoresearch.errors import LedgerError
from autoresearch.metrics import Metric
from autoresearch.run import AuditRecord, Review, Run
from autoresearch.source import same_text
from autoresearch.statistics import Gain, paired_gains, simultaneous_interval
from autoresearch.trial import State, Trial, Verdict

__all__ = ["Claim", "History", "Summary", "View"]


@dataclass(frozen=True)
class Claim:
    """The total validation gain of the incumbent over the baseline, with an interval over all trials made.

    The interval is approximate, and the gain optimistic: the incumbent was chosen by the same folds.
    """

    delta: float
    low: float
    high: float
    trials: int


class View(Protocol):
    """What a whole history and its summary both answer: enough for every line on where a run stands."""

    @property
    def run(self) -> Run:
        """The run."""
        ...

    @property
    def audits(self) -> Sequence[AuditRecord]:
        """Its audits, in order."""
        ...

    @property
    def opened(self) -> int:
        """How many audits of other runs over the same study there were."""
        ...

    @property
    def metric(self) -> Metric:
        """The run's objective."""
        ...

    @property
    def baseline(self) -> Trial:
        """The run's first trial."""
        ...

    @property
    def incumbent(self) -> Trial:
        """The best kept trial."""
        ...

    def threshold(self) -> float | None:
        """Typical smallest gain that was distinguishable."""
        ...

    def claim(self) -> Claim | None:
        """The total gain as it may be claimed before an audit."""
        ...


@dataclass(frozen=True)
class Summary:
    """Where a run stands, without all of its trials: what the ledger can count is not read.

    Parameters
    ----------
    last
        The latest trials that ended, oldest first.
    ended, compared, kept
        How many trials ended, were measured on folds (to the end, or until they were pruned), were kept after the
        baseline.
    used_iterations
        Iterations of the current budget.
    failures
        Crashes and time-outs at the end.
    noise
        Median SE of the comparisons.
    """

    run: Run
    baseline: Trial
    incumbent: Trial
    parent: Trial
    last: Sequence[Trial]
    ended: int
    compared: int
    kept: int
    used_iterations: int
    failures: int
    noise: float | None
    audits: Sequence[AuditRecord] = ()
    opened: int = 0
    reviews: Sequence[Review] = ()

    @property
    def metric(self) -> Metric:
        """The run's objective."""
        return self.run.study.metric

    def threshold(self) -> float | None:
        """Typical smallest gain that was distinguishable."""
        return self.noise

    def claim(self) -> Claim | None:
        """The total gain as it may be claimed before an audit; None while nothing beats the baseline."""
        return _claim(self.metric, self.baseline, self.incumbent, self.compared)


@dataclass(frozen=True)
class History:
    """A run, its trials, audits and reviews in order; `opened` counts the audits of other runs over the same study."""

    run: Run
    trials: Sequence[Trial]
    audits: Sequence[AuditRecord] = ()
    opened: int = 0
    reviews: Sequence[Review] = ()

    @property
    def metric(self) -> Metric:
        """The run's objective."""
        return self.run.study.metric

    @cached_property
    def baseline(self) -> Trial:
        """The run's first trial."""
        return self.trials[0]

    @cached_property
    def kept(self) -> list[Trial]:
        """The baseline and whatever was kept after it."""
        return [trial for trial in self.trials if trial.verdict is Verdict.KEEP]

    @property
    def incumbent(self) -> Trial:
        """The best kept trial: the last one, since the ratchet only advances."""
        return self.kept[-1]

    @property
    def parent(self) -> Trial:
        """The trial whose source the next edit starts from."""
        return self.trials[self.run.parent]

    def nearest_with_score(self, trial: Trial) -> Trial:
        """The trial itself, or the first of its ancestors that has a score."""
        while trial.state is not State.COMPLETE and trial.parent is not None:
            trial = self.trials[trial.parent]
        return trial

    @cached_property
    def iterations(self) -> list[Trial]:
        """Trials that ended, baseline included; an interrupted one is no iteration."""
        return [trial for trial in self.trials if trial.state not in (State.RUNNING, State.INTERRUPTED)]

    def find(self, n: int) -> Trial:
        """Trial `n`.

        Raises
        ------
        LedgerError
            The run has no such trial.
        """
        if not 0 <= n < len(self.trials):
            raise LedgerError(f"run {self.run.tag!r} has no trial {n}; it has 0 to {len(self.trials) - 1}")
        return self.trials[n]

    def reviews_of(self, n: int) -> list[Review]:
        """What reviewers found in trial `n`."""
        return [review for review in self.reviews if review.n == n]

    @property
    def compared(self) -> int:
        """How many trials were measured on folds: whichever of them was the best would have been picked."""
        return len(self.complete) + sum(trial.state is State.PRUNED for trial in self.trials)

    @property
    def complete(self) -> list[Trial]:
        """Trials with a score."""
        return [trial for trial in self.trials if trial.state is State.COMPLETE]

    @property
    def used_iterations(self) -> int:
        """Iterations of the current budget; the baseline is none."""
        return sum(trial.n > self.run.resumed_n for trial in self.iterations)

    def failures_in_a_row(self) -> int:
        """Crashes and time-outs at the end of the history."""
        count = 0
        for trial in reversed(self.iterations):
            if not trial.state.failed:
                break
            count += 1
        return count

    def same_code(self, code: str) -> Trial | None:
        """The trial that ran this very code and ended, or None."""
        return next((trial for trial in self.iterations if trial.code == code), None)

    def same_but_for_seeds(self, seedless: str) -> Trial | None:
        """A trial that ended and differs at most in the values of seeds, or None."""
        return next((trial for trial in self.iterations if trial.seedless == seedless), None)

    def source_of(self, blob: str) -> Trial | None:
        """A trial with this very file, or None."""
        return next((trial for trial in reversed(self.trials) if trial.blob == blob), None)

    def knows(self, text: str) -> bool:
        """Whether some trial has this very text."""
        return any(same_text(trial.source, text) for trial in self.trials)

    def total_gain(self) -> Gain:
        """Paired gain of the incumbent over the baseline on their shared folds."""
        return _total_gain(self.metric, self.baseline, self.incumbent)

    def claim(self) -> Claim | None:
        """The total gain as it may be claimed before an audit; None while nothing beats the baseline."""
        return _claim(self.metric, self.baseline, self.incumbent, self.compared)

    def summary(self, last: int) -> Summary:
        """Where the run stands, with the `last` trials."""
        return Summary(
            run=self.run,
            baseline=self.baseline,
            incumbent=self.incumbent,
            parent=self.parent,
            last=self.iterations[-last:],
            ended=len(self.iterations),
            compared=self.compared,
            kept=len(self.kept) - 1,
            used_iterations=self.used_iterations,
            failures=self.failures_in_a_row(),
            noise=self.threshold(),
            audits=self.audits,
            opened=self.opened,
            reviews=self.reviews,
        )

    def threshold(self) -> float | None:
        """Typical smallest gain that was distinguishable: the median SE of the comparisons so far; None before any."""
        errors = sorted(t.delta_se for t in self.complete if t.delta_se is not None and not math.isnan(t.delta_se))
        return errors[len(errors) // 2] if errors else None


def _total_gain(metric: Metric, before: Trial, after: Trial) -> Gain:
    return paired_gains(metric, before.scores, after.scores, after.ratio, after.total_se)


def _claim(metric: Metric, baseline: Trial, incumbent: Trial, compared: int) -> Claim | None:
    if incumbent.n == baseline.n:
        return None
    gain = _total_gain(metric, baseline, incumbent)
    low, high = simultaneous_interval(gain, compared - 1)
    return Claim(gain.delta, low, high, compared - 1)
