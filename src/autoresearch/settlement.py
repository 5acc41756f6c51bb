"""Settling: branch, index, train.py and results.tsv brought in line with what the ledger says.

Everything here can be repeated: a second time changes nothing. That is what repairs a killed step.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autoresearch import results
from autoresearch.checks import take_over
from autoresearch.files import write_whole
from autoresearch.history import History
from autoresearch.trial import State, Trial, Verdict
from autoresearch.workspace import EDITABLE, Workspace

__all__ = ["Settlement"]


@dataclass(frozen=True)
class Settlement:
    """Settles trials in one workspace; whoever calls holds its lock.

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

    def repair(self) -> list[str]:
        """Finish or close whatever a killed command left in the current run, and say what that was."""
        w, notes = self.workspace, list[str]()
        run = w.run
        if run is None:
            return notes
        tag = run.tag
        for trial in w.ledger.unsettled(tag):
            if trial.state is State.RUNNING:
                w.ledger.update_trial(trial, state=State.INTERRUPTED, settled=True)
                notes.append(f"repaired: trial {trial.n} was interrupted; {EDITABLE} is as it was left")
            else:
                notes += self.settle(w.history(tag), trial)
                notes.append(f"repaired: trial {trial.n} ({trial.label.lower()}) is settled")
        return notes if self._is_current(tag) else notes + self.write_results(w.history(tag))

    def settle(self, history: History, trial: Trial) -> list[str]:
        """Bring branch, index and train.py in line with a trial's end."""
        notes = []
        if trial.verdict is Verdict.KEEP:
            notes = self._advance(history, trial)
        elif not trial.by_hand and not trial.searched:
            notes = self._revert(history, trial)
        self.workspace.ledger.update_trial(trial, settled=True)
        self.reach("settled")
        return notes

    def _advance(self, history: History, trial: Trial) -> list[str]:
        """Move the branch to a kept trial, unless a person moved it meanwhile."""
        git, run, notes = self.workspace.git, history.run, list[str]()
        tip, commit = git.resolve(run.ref), trial.commit or ""
        if tip == trial.base:
            git.swap_ref(run.ref, commit, trial.base)
        elif tip is None or not (git.contains(tip, commit) or git.blob_at(tip, EDITABLE) == trial.blob):
            notes = [
                f"trial {trial.n} is kept, but a person moved the branch meanwhile and it is left alone; "
                f"take the trial over: {take_over(history, trial)}"
            ]
        self.reach("ref moved")
        if trial.searched:
            notes += self._take_up(trial)
        if git.branch() == run.ref:
            git.refresh(EDITABLE)
        self.reach("index")
        self.workspace.ledger.update_run(run.tag, parent=trial.n)
        return notes

    def _take_up(self, trial: Trial) -> list[str]:
        """Put what a search kept into train.py, unless a person edited it meanwhile."""
        git = self.workspace.git
        held = git.blob_of(EDITABLE)
        if held == git.blob_at(trial.base, EDITABLE):
            write_whole(self.workspace.train, trial.source.encode())
        elif held != trial.blob:
            return [f"{EDITABLE} was edited while the search was at work: left as it is"]
        self.reach("file taken up")
        return []

    def _revert(self, history: History, trial: Trial) -> list[str]:
        """Put the nearest version with a score back, the parent's mostly, unless a person edited train.py meanwhile."""
        git, notes = self.workspace.git, list[str]()
        if git.blob_of(EDITABLE) == trial.blob:
            parent = history.nearest_with_score(history.parent)
            self.workspace.ledger.update_run(trial.tag, parent=parent.n)
            write_whole(self.workspace.train, parent.source.encode())
        else:
            notes = [f"{EDITABLE} was edited after trial {trial.n} began: left as it is"]
        self.reach("file restored")
        if git.staged(EDITABLE) == trial.blob and git.branch() == history.run.ref:
            git.refresh(EDITABLE)
        return notes

    def write_results(self, history: History, *, first: bool = False) -> list[str]:
        """Rewrite results.tsv where it lags behind, and say where it was missing or edited; an edited one is kept.

        Parameters
        ----------
        first
            The run begins, and the file need not be there.
        """
        path, text = self.workspace.results, results.render(history)
        found = path.read_bytes().decode("utf-8", "replace") if path.exists() else None
        if found == text:
            self._stamp(history.run.tag)
            return []
        notes = []
        if found is None and not first:
            notes.append("repaired: results.tsv was missing and is rebuilt from the ledger")
        if found is not None and not self._is_view(found):
            kept = self.workspace.run_folder(history.run.tag) / f"results-edited-{int(self.clock() * 1000)}.tsv"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(path.read_bytes())
            name = kept.relative_to(self.workspace.root)
            notes.append(f"repaired: results.tsv had been edited; rebuilt from the ledger, the edited one is {name}")
        write_whole(path, text.encode())
        self.reach("results")
        self._stamp(history.run.tag)
        return notes

    def _stamp(self, tag: str) -> None:
        """Remember which file was found to be the view of which record: comparing them takes all trials."""
        stamp = self._state(tag)
        if stamp is not None and not self._is_current(tag):
            write_whole(self._stamp_path, json.dumps(stamp).encode())

    def _is_current(self, tag: str) -> bool:
        """Whether neither results.tsv nor what it shows has changed since it was last compared."""
        try:
            return bool(json.loads(self._stamp_path.read_text()) == self._state(tag))
        except (OSError, ValueError):
            return False

    @property
    def _stamp_path(self) -> Path:
        return self.workspace.git.git_dir / "autoresearch.results.json"

    def _state(self, tag: str) -> list[object] | None:
        """Name, size and times of results.tsv, and what of the record it shows; None without the file."""
        ledger = self.workspace.ledger
        try:
            found = self.workspace.results.stat()
        except FileNotFoundError:
            return None
        shown = [
            tag,
            ledger.ended(tag),
            len(ledger.audits(tag)),
        ]
        return [*shown, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]

    def _is_view(self, text: str) -> bool:
        """Whether `text` is some run's view, now or at an earlier moment: with fewer rows, or before an audit."""
        if not text.endswith("\n"):
            return False
        histories = (self.workspace.history(run.tag) for run in self.workspace.ledger.runs())
        return any(
            results.render(replace(history, audits=history.audits[:count])).startswith(text)
            for history in histories
            for count in range(len(history.audits) + 1)
        )
