"""The doctor: whether all is there that a run needs, and whether the record agrees with itself."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass

from autoresearch.checks import take_over
from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.isolation import NONE, REMEDIES
from autoresearch.run import trial_ref
from autoresearch.workspace import EDITABLE, Workspace

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, and what to do where it is not."""

    name: str
    well: bool
    detail: str


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Look at git, isolation, data, and the ledger against results.tsv and the branch."""
    git = workspace.git
    version = git.run("--version")
    yield Finding("git", True, version)
    lock = git.git_dir / "index.lock"
    yield Finding(
        "index",
        not lock.exists(),
        f"{lock} exists: if no git command is at work, delete it" if lock.exists() else "free",
    )
    yield Finding("unfinished", git.unfinished() is None, git.unfinished() or "no merge or rebase under way")
    yield Finding("python", (3, 11) <= sys.version_info < (3, 14), sys.version.split()[0])
    yield from _isolation()
    yield _data(workspace)
    yield _ledger(workspace)
    try:
        history = workspace.current()
    except AutoresearchError as error:
        yield Finding("run", True, str(error))
        return
    yield from _agreement(workspace, history)


def _isolation() -> Iterator[Finding]:
    """The level that a cell reaches here, and each mechanism with its remedy where it is missing."""
    from autoresearch.cells import LocalCells

    cells = LocalCells(1)
    try:
        with cells.hold():
            pass
    except AutoresearchError as error:
        yield Finding("isolation", False, str(error))
        return
    finally:
        cells.close()
    yield Finding("isolation", True, cells.isolation)
    for name, works in asdict(cells.mechanisms or NONE).items():
        if name in REMEDIES:
            yield Finding(f"  {name}", works, "yes" if works else f"no: {REMEDIES[name]}")


def _data(workspace: Workspace) -> Finding:
    try:
        prepared = workspace.prepared(workspace.study())
        if prepared is None:
            return Finding("data", True, "not prepared yet; `uv run prepare.py`, or the first command, does it")
        prepared.seal.read()
    except AutoresearchError as error:
        return Finding("data", False, str(error))
    seal = f"{prepared.holdout_rows} rows sealed, {len(prepared.seal.audits())} audits spent"
    return Finding(
        "data", not prepared.seal.unsealed, f"{prepared.rows} rows, {seal}" + _unsealed(prepared.seal.unsealed)
    )


def _unsealed(opened: bool) -> str:
    return "; UNSEALED by holdout.show: no audit of these rows proves anything" if opened else ""


def _ledger(workspace: Workspace) -> Finding:
    with closing(sqlite3.connect(workspace.ledger.path)) as database:
        (answer,) = database.execute("PRAGMA integrity_check").fetchone()
    return Finding("ledger", answer == "ok", f"{workspace.ledger.path.name}: {answer}")


def _agreement(workspace: Workspace, history: History) -> Iterator[Finding]:
    git, run = workspace.git, history.run
    lost = [
        str(trial.n)
        for trial in history.trials
        if trial.commit and git.resolve(trial_ref(run.tag, trial.n)) != trial.commit
    ]
    for n in lost:
        git.set_ref(trial_ref(run.tag, int(n)), history.trials[int(n)].commit or "")
    repaired = (
        f"repaired: refs of trials {', '.join(lost)}" if lost else f"{len(history.trials)} trials have their refs"
    )
    yield Finding("refs", True, repaired)
    tip, incumbent = git.blob_at(run.ref, EDITABLE), history.incumbent
    agrees = tip == incumbent.blob
    detail = (
        f"holds the incumbent, trial {incumbent.n}"
        if agrees
        else f"does not hold the incumbent, trial {incumbent.n}: {take_over(history, incumbent)}"
    )
    yield Finding("branch", agrees, detail)
    now = workspace.frozen(run.study)
    changed = sorted(name for name in run.frozen if run.frozen[name] != now.get(name))
    said = f"changed since the start: {', '.join(changed[:3])}" if changed else "as at the start"
    yield Finding("frozen", not changed, said)
