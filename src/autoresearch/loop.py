"""The loop: start, step, settle, repair. Joins the decisions to git, the ledger and the scorer.

A step is one transaction in this order: ledger row, snapshot commit, trial ref, trial, verdict, then
settling: the branch advances on keep (compare-and-swap), train.py goes back on anything else, if it is
still the trial's. Killed anywhere, the next command repairs what was left and says so. Only this
module and `settlement` move branches.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from autoresearch import checks, verdicts
from autoresearch.errors import AutoresearchError, GitError
from autoresearch.files import write_whole
from autoresearch.git import ABSENT
from autoresearch.history import History
from autoresearch.prepared import Prepared
from autoresearch.record import Choice, Record
from autoresearch.run import Run, check_tag, trial_ref
from autoresearch.settlement import Settlement
from autoresearch.statistics import mean
from autoresearch.study import Study
from autoresearch.trial import Evaluation, ScorerLike, State, Trial, Verdict
from autoresearch.workspace import EDITABLE, PATIENCE, Workspace

__all__ = ["Loop", "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What a verb did: the history after it, its trial if any, and what was repaired or is to be noted."""

    history: History
    trial: Trial | None = None
    notes: tuple[str, ...] = ()


def _nowhere(_: str) -> None:
    """The default of `Loop.reach`."""


@dataclass
class Loop:
    """The ratchet over one workspace.

    Parameters
    ----------
    scorer
        Makes the scorer of a prepared study, once it is needed.
    prepare
        Prepares the study where that was not done.
    reach
        Called with the name of each point of a step as it is reached; tests kill the process there.
    clock
        Seconds since the epoch.
    """

    workspace: Workspace
    scorer: Callable[[Study, Prepared], ScorerLike]
    prepare: Callable[[Study], Prepared]
    reach: Callable[[str], None] = _nowhere
    clock: Callable[[], float] = time.time
    _scorer: ScorerLike | None = field(default=None, init=False)

    @property
    def _settlement(self) -> Settlement:
        return Settlement(self.workspace, self.reach, self.clock)

    @contextmanager
    def at_work(self, verb: str, patience: float = PATIENCE) -> Iterator[list[str]]:
        """Be alone here, and repair first; what was repaired is said in a refusal too."""
        with self.workspace.lock(verb, patience):
            notes = self._settlement.repair()
            try:
                yield notes
            except AutoresearchError as error:
                error.args = ("; ".join((*notes, str(error))),)
                raise

    # Verbs

    def start(self, tag: str) -> Outcome:
        """Begin a run: branch, hashes of the frozen files, baseline.

        Raises
        ------
        AutoresearchError
            The tag is taken, the tree is not clean, or the baseline has no score; nothing was changed.
        """
        check_tag(tag)
        w = self.workspace
        with self.at_work("start") as notes:
            head = checks.startable(w, tag)
            study = w.study()
            prepared = w.prepared(study) or self.prepare(study)
            text = checks.source_text(w)
            checks.honest(text)
            frozen = w.frozen(study)
            scorer = self.scorer_of(study, prepared)
            found = scorer.evaluate(text, prepared.repeats)
            if found.state is not State.COMPLETE:
                raise AutoresearchError(
                    f"the baseline has no score: {found.error}; put {EDITABLE} right first (`uv run {EDITABLE}`)"
                )
            repeats = verdicts.affordable_repeats(study, found)
            found = replace(found, scores=found.scores[:repeats])
            bound, warning = verdicts.suspicious_bound(study.metric, mean(found.scores), prepared.suspicious)
            warnings = [warning] if warning else []
            if not scorer.repeats_exactly(text, found.predictions or ""):
                warnings.append("the baseline does not repeat to the last digit: something in it is not seeded")
            if before := w.run:
                warnings.append(f"the baseline is what run {before.tag!r} chose; no interval here counts its trials")
            if checks.startable(w, tag) != head:
                raise GitError("HEAD was moved while the baseline was measured; run `autoresearch start` again")
            now = self.clock()
            run = Run(tag, prepared.fingerprint, study, frozen, now, head, repeats, bound, resumed=now)
            run = replace(run, warnings=tuple(warnings), folder=w.git.prefix)
            if w.git.resolve(run.ref) is None:
                w.git.swap_ref(run.ref, head, ABSENT)
            w.git.attach(run.ref)
            w.git.set_ref(trial_ref(tag, 0), head)
            self.reach("attached")
            trial = verdicts.begun(run, text, None, head, w.git.blob_at(head, EDITABLE) or "", now)
            trial = replace(
                verdicts.scored(trial, found), commit=head, settled=True, verdict=Verdict.KEEP, reason="the baseline"
            )
            w.ledger.add_run(run, trial)
            self.reach("run")
            history = w.history(tag)
            notes.extend(self._settlement.write_results(history, first=True))
            return Outcome(history, trial, (*notes, *run.warnings))

    def step(self) -> Outcome:
        """One iteration but for the edit.

        Raises
        ------
        AutoresearchError
            Refused; nothing was measured. The message names the remedy.
        """
        with self.at_work("step") as notes:
            history = checks.live(self.workspace, self.prepare, self.clock())
            checks.tip(self.workspace, history)
            text = checks.source_text(self.workspace)
            checks.new(history, text)
            checks.honest(text)
            trial, _ = self._measured(history, text, by_hand=False)
            return self._after(trial, notes)

    def measure(self, study: Study) -> tuple[Evaluation, Outcome | str]:
        """Measure train.py for a person; on a live run's branch the trial is recorded, and git left alone.

        Returns
        -------
        tuple
            What was measured, with the outcome where it was recorded and the reason where it was not.
        """
        w = self.workspace
        with self.at_work(EDITABLE) as notes:
            text = checks.source_text(w)
            prepared = w.prepared(study) or self.prepare(study)
            try:
                history = checks.live(w, self.prepare, self.clock())
                checks.new(history, text)
                checks.honest(text)
            except AutoresearchError as reason:
                return self.scorer_of(study, prepared).evaluate(text, prepared.repeats), str(reason)
            trial, found = self._measured(history, text, by_hand=True)
            return found, self._after(trial, notes)

    def checkout(self, n: int) -> Outcome:
        """Put trial `n`'s source into train.py and make it the parent of the next trial.

        Raises
        ------
        LedgerError
            The run has no such trial.
        GitError
            train.py holds an edit that would be lost.
        """
        w = self.workspace
        with self.at_work("checkout") as notes:
            history = self.workspace.current()
            trial = history.find(n)
            checks.overwritable(w, history, "checkout")
            write_whole(w.train, trial.source.encode())
            w.ledger.update_run(history.run.tag, parent=n)
            return Outcome(self.workspace.history(history.run.tag), trial, tuple(notes))

    def stop(self, reason: str = "a person stopped it") -> Outcome:
        """End the current run; `resume` goes on with it."""
        with self.at_work("stop") as notes:
            history = self.workspace.current()
            if history.run.ended is None:
                self.workspace.ledger.update_run(history.run.tag, ended=reason)
            return Outcome(self.workspace.history(history.run.tag), None, tuple(notes))

    def resume(self) -> Outcome:
        """Go on with a run that ended; its budget begins anew, a suspicious bound moves beyond the incumbent.

        A run that is live goes on under the budget it has.
        """
        with self.at_work("resume") as notes:
            history = self.workspace.current()
            if history.run.ended is None and checks.ending(history, self.clock()) is None:
                return Outcome(history, None, tuple(notes))
            tag, score, last = history.run.tag, history.incumbent.score or 0.0, history.trials[-1].n
            bound, beyond = verdicts.suspicious_bound(history.metric, score, history.run.bound)
            if beyond:
                notes.append(f"the suspicious bound is now {bound:.4f}")
            self.workspace.ledger.update_run(tag, ended=None, resumed=self.clock(), resumed_n=last, bound=bound)
            return Outcome(self.workspace.history(tag), None, tuple(notes))

    def repair(self, patience: float = PATIENCE) -> Outcome:
        """Bring branch, train.py and results.tsv in line with the ledger, and say what that took."""
        notes = self.mend(patience)
        return Outcome(self.workspace.current(), None, notes)

    def mend(self, patience: float = PATIENCE) -> tuple[str, ...]:
        """As `repair`, without reading all trials; BusyError where another command works on for `patience` seconds."""
        with self.at_work("repair", patience) as notes:
            self.workspace.here()
        return tuple(notes)

    def close(self) -> None:
        """End the scorer's processes."""
        if self._scorer:
            self._scorer.close()

    # A trial

    def _measured(self, history: History, text: str, *, by_hand: bool) -> tuple[Trial, Evaluation]:
        """Enter, snapshot, measure and judge one trial; settling is the caller's."""
        trial = self._record.begin(history, text, by_hand=by_hand)
        try:
            found = self.scorer_of(history.run.study).evaluate(text, history.run.repeats)
            self.reach("trial ran")
            checks.frozen(self.workspace, history.run, self.prepare)
        except (KeyboardInterrupt, AutoresearchError):
            self.workspace.ledger.update_trial(trial, state=State.INTERRUPTED, settled=True)
            raise
        return self._record.conclude(history, trial, found, self.scorer_of(history.run.study)), found

    @property
    def _record(self) -> Record:
        return Record(self.workspace, self.reach, self.clock)

    # Trials side by side, for a search

    def begin(self, text: str, choice: Choice) -> Trial:
        """Enter and snapshot a trial of a text that is not in train.py.

        Raises
        ------
        AutoresearchError
            The run may not go on, or the text is a duplicate; nothing was entered.
        """
        history = checks.live(self.workspace, self.prepare, self.clock())
        checks.tip(self.workspace, history)
        checks.new(history, text)
        return self._record.begin(history, text, choice=choice)

    def abandon(self, trials: Iterable[Trial]) -> None:
        """Close trials that nobody will measure any more."""
        for trial in trials:
            self.workspace.ledger.update_trial(trial, state=State.INTERRUPTED, settled=True)

    def conclude(self, trial: Trial, found: Evaluation) -> Outcome:
        """Judge a trial that `begin` entered against the incumbent of now, and settle it."""
        history = self.workspace.history(trial.tag)
        checks.frozen(self.workspace, history.run, self.prepare)
        trial = self._record.conclude(history, trial, found, self.scorer_of(history.run.study))
        return self._after(trial, [])

    def scorer_of(self, study: Study, prepared: Prepared | None = None) -> ScorerLike:
        """The scorer of the loop's study, made when it is first needed."""
        if self._scorer is None:
            prepared = prepared or self.workspace.prepared(study) or self.prepare(study)
            self._scorer = self.scorer(study, prepared)
        return self._scorer

    # After a trial

    def _after(self, trial: Trial, notes: list[str]) -> Outcome:
        """Settle, write the view; end the run where its budget is spent or the score too good."""
        notes.extend(self._settlement.settle(self.workspace.history(trial.tag), trial))
        history = self.workspace.history(trial.tag)
        notes.extend(self._settlement.write_results(history))
        if ended := checks.ending(history, self.clock()):
            self.workspace.ledger.update_run(trial.tag, ended=ended)
            history = self.workspace.history(trial.tag)
            notes.append(f"the run has ended: {ended}")
        return Outcome(history, history.trials[trial.n], tuple(notes))
