"""The state check before a trial: each refusal names what is wrong and the way out."""

from collections.abc import Callable

from autoresearch import endings, lines, source
from autoresearch.errors import AutoresearchError, DuplicateError, GitError, RunOverError
from autoresearch.history import History
from autoresearch.prepared import Prepared, training_file
from autoresearch.run import Run, branch_of, trial_ref
from autoresearch.study import Study
from autoresearch.trial import Trial
from autoresearch.workspace import EDITABLE, FACE, Workspace

__all__ = [
    "ending",
    "frozen",
    "honest",
    "live",
    "new",
    "overwritable",
    "remark",
    "same_study",
    "source_text",
    "startable",
    "take_over",
    "tip",
]

REMARK = 1000  # characters of a reviewer's finding


def startable(workspace: Workspace, tag: str) -> str:
    """Refuse to start on an unclean tree or under a taken tag; gives the commit to start from."""
    git = workspace.git
    head = git.resolve("HEAD")
    if head is None:
        raise GitError("the repository has no commit yet; a run starts from one: git add -A && git commit -m start")
    _quiet(workspace)
    at = git.resolve(branch_of(tag))
    run = workspace.ledger.find_run(tag)
    if run or (at is not None and at != head):
        back = f"git branch autoresearch/{tag} {_incumbent(workspace, run)} && " if run and at is None else ""
        raise GitError(
            f"tag {tag!r} is taken; go on with it: {back}git switch autoresearch/{tag} && uv run autoresearch step; "
            "or start under another tag"
        )
    if where := git.elsewhere(branch_of(tag)):
        raise GitError(f"branch autoresearch/{tag} is checked out in {where}; work there")
    if not git.tracks(EDITABLE):
        raise GitError(
            f"{EDITABLE} is not in git; a run keeps its versions: git add {EDITABLE} && git commit -m 'train.py'"
        )
    if dirty := git.dirty([EDITABLE, *FACE]):
        raise GitError(
            f"uncommitted changes in {', '.join(dirty)}; a run starts from a commit: "
            f"git add {' '.join(dirty)} && git commit -m 'before the run' {' '.join(dirty)}, or git stash"
        )
    return head


def _incumbent(workspace: Workspace, run: Run) -> str:
    """The ref that keeps the incumbent's commit."""
    return trial_ref(run.tag, workspace.history(run.tag).incumbent.n)


def live(workspace: Workspace, prepare: Callable[[Study], Prepared], now: float) -> History:
    """The current run, if it may go on: live, within budget, frozen files as they were.

    Raises
    ------
    RunOverError
        It has ended, or its budget is spent, which ends it.
    """
    history = workspace.current()
    run = history.run
    _quiet(workspace)
    if workspace.git.resolve(run.ref) is None:
        back = f"git update-ref {run.ref} {_incumbent(workspace, run)}"
        raise GitError(f"branch autoresearch/{run.tag} is gone; bring it back: {back}")
    ended = run.ended
    if ended is None and (ended := ending(history, now)):
        workspace.ledger.update_run(run.tag, ended=ended)
    if ended is not None:
        due = lines.last_review_due(workspace.current())
        raise RunOverError(
            f"run {run.tag!r} has ended: {ended}; `autoresearch report` sums it up, "
            f"a person goes on with `autoresearch resume`{f'; {due}' if due else ''}"
        )
    frozen(workspace, run, prepare)
    return history


def _quiet(workspace: Workspace) -> None:
    if what := workspace.git.unfinished():
        way_out = "git bisect reset" if what == "bisect" else f"git {what} --abort"
        raise GitError(f"a {what} is unfinished here; finish it or give it up ({way_out}) first")


def ending(history: History, now: float) -> str | None:
    """Why the run is to end: a score too good to be true, or a spent budget; None while it may go on."""
    run, budget = history.run, history.run.study.budget
    scored = [(trial.n, trial.score) for trial in history.complete if trial.n > run.resumed_n]
    return endings.suspicious(history.metric, run.bound, scored) or endings.spent(
        history.used_iterations, budget.iterations, now - run.resumed, budget.hours
    )


def frozen(workspace: Workspace, run: Run, prepare: Callable[[Study], Prepared]) -> None:
    """Refuse to go on when a file that decides scores is not as it was at the start.

    Raises
    ------
    AutoresearchError
        The message names the files.
    """
    now = workspace.frozen(run.study)
    changed = sorted(name for name in run.frozen.keys() | now.keys() if run.frozen.get(name) != now.get(name))
    table = training_file(run.study.study.name)
    if table in changed and not now[table]:
        prepare(run.study)  # a new worktree has no data/ yet
        now = workspace.frozen(run.study)
        changed = [name for name in changed if run.frozen.get(name) != now.get(name)]
    if not changed:
        return
    if changed[0] == table:
        back = "put it back (uv run prepare.py), or "
    elif workspace.git.blob_at(run.ref, changed[0]):
        back = f"put it back (git restore --source=autoresearch/{run.tag} {changed[0]}), or "
    else:
        back = ""
    raise AutoresearchError(
        f"{', '.join(changed[:3])} changed since the run started, and is frozen while it is live; "
        f"{back}`autoresearch stop` and start another run"
    )


def tip(workspace: Workspace, history: History) -> None:
    """Refuse to go on from a branch whose train.py is not the incumbent's."""
    found = workspace.git.blob_at("HEAD", EDITABLE)
    incumbent = history.incumbent
    if found == incumbent.blob:
        return
    back = take_over(history, incumbent)
    if unmeasured(workspace, history):
        back = f"copy your edit of {EDITABLE} away, then: {back}"
    known = history.source_of(found) if found else None
    if known:
        raise GitError(
            f"the branch holds trial {known.n} ({known.label.lower()}), the incumbent is trial {incumbent.n}; "
            f"go back to it: {back}"
        )
    raise GitError(
        f"the branch holds a {EDITABLE} that was never measured; measure it with `uv run {EDITABLE}`, "
        f"or go back to the incumbent: {back}"
    )


def take_over(history: History, trial: Trial) -> str:
    """The commands that bring a trial's train.py onto the branch, whatever lies there, and lose no commit."""
    ref = trial_ref(history.run.tag, trial.n)
    return f"git checkout {ref} -- {EDITABLE} && git commit -m 'take trial {trial.n}' {EDITABLE}"


def unmeasured(workspace: Workspace, history: History) -> bool:
    """Whether train.py holds an edit that no trial has."""
    try:
        return not history.knows(workspace.train.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return False
    except UnicodeDecodeError:
        return True


def overwritable(workspace: Workspace, history: History, verb: str) -> None:
    """Refuse to put another version into train.py while it holds one that would be lost.

    Raises
    ------
    GitError
        It holds an edit that no trial has.
    """
    if unmeasured(workspace, history):
        raise GitError(
            f"{EDITABLE} holds an edit that no trial has, and {verb} would lose it; "
            "measure it with `autoresearch step`, or copy it away first"
        )


def source_text(workspace: Workspace) -> str:
    """The text of train.py."""
    try:
        return workspace.train.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise GitError(f"{EDITABLE} is gone; bring it back: git restore {EDITABLE}") from None
    except UnicodeDecodeError as error:
        raise AutoresearchError(f"{EDITABLE}: byte {error.start} is not UTF-8; save it as UTF-8") from None


def new(history: History, text: str) -> None:
    """Refuse what is no new hypothesis; a duplicate is answered from the ledger.

    Raises
    ------
    DuplicateError
        The code is that of an earlier trial, or differs from one in the values of seeds alone.
    """
    prints = source.fingerprints(text)
    back = f"{EDITABLE} still holds it: edit on, or go back with `autoresearch checkout {history.parent.n}`"
    if same := history.same_code(prints.code):
        if same.source == history.parent.source:
            raise DuplicateError(f"{EDITABLE} is unchanged: the same code as trial {same.n}; edit it first")
        raise DuplicateError(f"duplicate of trial {same.n}, nothing was run. {lines.iteration(history, same)}; {back}")
    if same := history.same_but_for_seeds(prints.seedless):
        raise DuplicateError(f"only a random seed differs from trial {same.n}: that is no hypothesis; {back}")


def honest(text: str) -> None:
    """Refuse a train.py that looks like a copy of the table. A norm, not a boundary: the holdout is the proof.

    Raises
    ------
    AutoresearchError
        The message says what was seen, and where a lookup belongs.
    """
    if what := source.memorised(text):
        raise AutoresearchError(
            f"{EDITABLE} looks like a memorised table: {what}; "
            "a lookup belongs into a file that a person lists in study.toml as study.readable"
        )


def remark(text: str) -> str:
    """A reviewer's finding in one printable line.

    Raises
    ------
    AutoresearchError
        It is empty or longer than `REMARK` characters.
    """
    line = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    if not 0 < len(line) <= REMARK:
        raise AutoresearchError(f"note: {len(line)} characters, where 1 to {REMARK} fit on a line; say it shorter")
    return line


def same_study(workspace: Workspace, study: Study) -> str | None:
    """Refuse to prepare `study` while a run over another one is live here; gives the live run's fingerprint.

    Raises
    ------
    AutoresearchError
        It is not the live run's study.
    """
    run = workspace.run
    if run is None or run.ended is not None:
        return None
    if study.identity() != run.study.identity():
        raise AutoresearchError(
            f"run {run.tag!r} is live here under fingerprint {run.fingerprint}, and study.toml is another study now; "
            "end it first: uv run autoresearch stop"
        )
    return run.fingerprint
