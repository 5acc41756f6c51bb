"""A trial's way into the record: row, snapshot and ref before it is measured, verdict after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoresearch import source, verdicts
from autoresearch.history import History
from autoresearch.run import trial_ref
from autoresearch.trial import Evaluation, ScorerLike, State, Trial, Verdict
from autoresearch.workspace import EDITABLE, Workspace

__all__ = ["Choice", "Record"]

Choice = tuple[Mapping[str, str], Mapping[str, Any]]
"""Slot to variant, and ``slot.parameter`` to the value that differs from the variant's own."""


@dataclass(frozen=True)
class Record:
    """Enters trials in one workspace; whoever calls holds its lock.

    Parameters
    ----------
    reach
        Called with the name of each point as it is reached.
    clock
        Seconds since the epoch.
    """

    workspace: Workspace
    reach: Callable[[str], None]
    clock: Callable[[], float]

    def begin(self, history: History, text: str, *, by_hand: bool = False, choice: Choice | None = None) -> Trial:
        """Enter a trial and snapshot its source; it is under way from then on.

        Parameters
        ----------
        by_hand
            Measured for a person, to whom git is left.
        choice
            What a search chose; its text is then not in train.py.
        """
        w, run = self.workspace, history.run
        blob = w.git.store(text.encode())
        self.reach("blob")
        tip = w.git.resolve(run.ref) or run.base
        held = w.git.blob_at(tip, EDITABLE) if by_hand else None
        committed = held is not None and source.same_text(w.git.read(held).decode("utf-8", "replace"), text)
        base = history.incumbent.commit or run.base if committed else tip
        blob = held if held and committed else blob
        trial = verdicts.begun(run, text, run.parent, base, blob, self.clock())
        trial = replace(trial, by_hand=by_hand, searched=choice is not None)
        trial = w.ledger.add_trial(trial, *(choice or (None, None)))
        self.reach("row")
        commit = tip if committed else self._snapshot(history, trial)
        self.reach("commit")
        w.git.set_ref(trial_ref(run.tag, trial.n), commit)
        self.reach("ref")
        return w.ledger.update_trial(trial, commit=commit)

    def conclude(self, history: History, trial: Trial, found: Evaluation, scorer: ScorerLike) -> Trial:
        """Judge what was measured against the incumbent in `history`, and write the verdict."""
        trial = self._judged(history, verdicts.scored(trial, found), scorer)
        if trial.searched and trial.verdict is Verdict.KEEP:
            trial = self._on_top(history, trial)
        trial = self.workspace.ledger.save_trial(trial)
        self.reach("decided")
        return trial

    def _on_top(self, history: History, trial: Trial) -> Trial:
        """Snapshot a kept trial again, where another one was kept while it was measured."""
        git, run = self.workspace.git, history.run
        tip = git.resolve(run.ref)
        if tip is None or tip in (trial.base, trial.commit) or tip != history.incumbent.commit:
            return trial  # unless a person moved the branch, which settling says
        trial = replace(trial, base=tip)
        trial = replace(trial, commit=self._snapshot(history, trial))
        git.set_ref(trial_ref(run.tag, trial.n), trial.commit or "")
        return trial

    def _snapshot(self, history: History, trial: Trial) -> str:
        """Commit the trial's source on the incumbent, with its parent as a second one where that differs."""
        parents = [trial.base]
        if history.parent.n != history.incumbent.n and history.parent.commit:
            parents.append(history.parent.commit)
        message = f"autoresearch/{trial.tag} trial {trial.n}: {trial.hypothesis or 'no HYPOTHESIS'}"
        return self.workspace.git.snapshot(EDITABLE, trial.blob, parents, message)

    def _judged(self, history: History, trial: Trial, scorer: ScorerLike) -> Trial:
        """The verdict, with row-level errors where the study has a single split."""
        if trial.state is not State.COMPLETE or len(trial.scores[0]) > 1:
            return verdicts.judge(history, trial, None, None)
        after = trial.predictions or ""
        row_se = scorer.row_se(history.incumbent.predictions or "", after)
        total_se = scorer.row_se(history.baseline.predictions or "", after)
        return verdicts.judge(history, trial, row_se, total_se)
