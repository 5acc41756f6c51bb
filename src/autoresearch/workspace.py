"""The workspace: a study's folder with its repository, its ledger and the lock that commands take in turn."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import autoresearch
from autoresearch.digests import Digests
from autoresearch.errors import BusyError, GitError, LedgerError, StudyError
from autoresearch.files import digest, locked, modules_below, write_whole
from autoresearch.git import Git, open_repository
from autoresearch.history import History, Summary
from autoresearch.layout import EDITABLE, FACE
from autoresearch.ledger import Ledger
from autoresearch.prepared import Prepared, read, training_file
from autoresearch.run import Run, tag_of, trial_ref
from autoresearch.study import Study, load

__all__ = ["EDITABLE", "FACE", "PATIENCE", "Workspace", "find_root", "open_workspace", "workspace_at"]

PATIENCE = 10.0  # seconds that a command waits for another one to end


@dataclass(frozen=True)
class Workspace:
    """Everything that effects need to find.

    Parameters
    ----------
    root
        The folder with study.toml and train.py.
    """

    root: Path
    git: Git
    ledger: Ledger

    @property
    def train(self) -> Path:
        """The one editable file."""
        return self.root / EDITABLE

    @property
    def results(self) -> Path:
        """The view of the current run's record."""
        return self.root / "results.tsv"

    @property
    def predictions(self) -> Path:
        """Out-of-fold predictions, named by their content."""
        return self.ledger.folder / "predictions"

    def run_folder(self, tag: str) -> Path:
        """Reports of a run."""
        return self.root / "runs" / tag

    @property
    def tag(self) -> str | None:
        """The run whose branch is checked out."""
        return tag_of(self.git.branch())

    @property
    def run(self) -> Run | None:
        """The run whose branch is checked out, if it is over the study in this very folder."""
        run = self.ledger.find_run(self.tag) if self.tag else None
        return run if run and run.folder == self.git.prefix else None

    def study(self) -> Study:
        """study.toml as it stands."""
        return load(self.root / "study.toml")

    def prepared(self, study: Study) -> Prepared | None:
        """The manifest of the prepared study, None where it has to be prepared."""
        run = self.run
        return read(self.root, study, frozen=run is not None and run.ended is None)

    def frozen(self, study: Study) -> dict[str, str]:
        """SHA-256 of every file that decides a score, by path; absent files have an empty one."""
        own = (*FACE, *study.study.readable, training_file(study.study.name))
        package = Path(autoresearch.__file__).parent
        home = package.relative_to(self.root) if package.is_relative_to(self.root) else Path("autoresearch")
        files = {name: os.path.join(self.root, name) for name in own}
        files |= {os.path.join(home, name): os.path.join(package, name) for name in modules_below(str(package))}
        found = dict.fromkeys(files, "")
        for name, path in files.items():
            with suppress(FileNotFoundError, IsADirectoryError):
                found[name] = digest(path)
        return found

    def history(self, tag: str) -> History:
        """The run under `tag`.

        Raises
        ------
        LedgerError
            There is none.
        """
        run = self._entered(tag)
        audits, opened = self.ledger.audits(tag), self.ledger.audits_elsewhere(run)
        return History(run, self.ledger.trials(tag), audits, opened, self.ledger.reviews(tag))

    def _entered(self, tag: str) -> Run:
        run = self.ledger.find_run(tag)
        if run is None:
            known = ", ".join(found.tag for found in self.ledger.runs()) or "none yet"
            raise LedgerError(f"the ledger has no run {tag!r}; runs: {known}; begin it with `autoresearch start {tag}`")
        return run

    def current(self) -> History:
        """The run whose branch is checked out.

        Raises
        ------
        GitError
            HEAD is detached, or on no run's branch, or on that of a run over another folder's study.
        """
        return self.history(self.here())

    def summary(self, last: int) -> Summary:
        """Where the run stands whose branch is checked out, with its `last` trials."""
        return self.digests().summary(last)

    def digests(self) -> Digests:
        """What is counted and ranked of the run whose branch is checked out."""
        return Digests(self.ledger, self._entered(self.here()))

    def here(self) -> str:
        """The tag of the run whose branch is checked out.

        Raises
        ------
        GitError
            As `current` does.
        LedgerError
            The ledger has no such run.
        """
        if tag := self.tag:
            found = self._entered(tag)
            if found.folder != self.git.prefix:
                folder = found.folder or "./"
                raise GitError(
                    f"run {tag!r} is over the study in {folder} and this one is in {self.git.prefix or './'}; "
                    "go there, or begin a run here: `autoresearch start TAG`"
                )
            return tag
        branch = self.git.branch()
        where = f"on branch {branch.removeprefix('refs/heads/')}" if branch else "detached"
        runs = [run for run in self.ledger.runs() if run.folder == self.git.prefix]
        if not runs:
            raise GitError(f"HEAD is {where} and there is no run yet; begin one with `autoresearch start TAG`")
        last = self.history(runs[-1].tag)
        way = f"git switch autoresearch/{last.run.tag}"
        if self.git.resolve(last.run.ref) is None:  # deleted: the refs of its trials are there
            way = f"git switch -c autoresearch/{last.run.tag} {trial_ref(last.run.tag, last.incumbent.n)}"
        raise GitError(f"HEAD is {where}, not on a run's branch; go to one: {way}")

    @contextmanager
    def lock(self, verb: str, patience: float = PATIENCE) -> Iterator[None]:
        """Be alone in this worktree, waiting `patience` seconds for whoever is at work.

        Raises
        ------
        BusyError
            It is still at work; the message says which command, which process and since when.
        """
        holder = self.git.git_dir / "autoresearch.holder.json"
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.git.git_dir / "autoresearch.lock", patience))
            except TimeoutError:
                raise BusyError(_busy(holder)) from None
            stack.callback(holder.unlink, missing_ok=True)
            write_whole(holder, json.dumps({"verb": verb, "pid": os.getpid(), "since": time.time()}).encode())
            yield


def _busy(holder: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        who = json.loads(holder.read_text())
        age = time.time() - who["since"]
        return f"`{who['verb']}` is at work in this worktree (process {who['pid']}, for {age:.0f} s); wait for its end"
    return "another command is at work in this worktree; wait until it ends"


def find_root(start: Path) -> Path:
    """The nearest folder upwards that holds study.toml.

    Raises
    ------
    StudyError
        There is none.
    """
    for folder in (start, *start.parents):
        if (folder / "study.toml").is_file():
            return folder
    raise StudyError(f"study.toml: not found in {start} or above; run this inside a study's folder")


def open_workspace(start: Path | None = None) -> Workspace:
    """Open the study around `start`, by default around the current folder."""
    return workspace_at(find_root((start or Path.cwd()).resolve()))


def workspace_at(root: Path) -> Workspace:
    """Open the folder `root`, whether or not there is a study in it yet."""
    git = open_repository(root)
    return Workspace(root, git, Ledger(git.common_dir / "autoresearch"))
