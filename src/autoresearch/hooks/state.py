"""What hooks read: the run on the checked-out branch, and the note of who runs its loop. Writes only that note."""

import json
import os
import sqlite3
from contextlib import suppress
from functools import cached_property

import autoresearch
from autoresearch.hooks.events import Watch
from autoresearch.hooks.places import Places
from autoresearch.layout import EDITABLE, FACE

__all__ = ["Here", "remember", "watch"]

FROZEN = (
    "it is frozen while the run is live, so that scores stay comparable; change train.py instead, "
    "or say what a person should change between runs"
)
RECORD = "it is the record, which the harness writes; `uv run autoresearch step` adds to it, `log` and `show N` read it"
SEALED = "the holdout is sealed until a person audits; leave it"
WAIT_S = 3.0  # for a transaction of the harness; the launcher's patience is longer
VAULTS = ("~/.local/share/autoresearch", "~/Library/Application Support/autoresearch")


class Here:
    """Where a session is: the repository around it, on a branch that is called like a run's.

    Parameters
    ----------
    tag
        The run that the branch is called after.
    common_dir, git_dir, top
        The part of the repository that all worktrees share, this worktree's own, and its working tree.
    """

    def __init__(self, tag: str, common_dir: str, git_dir: str, top: str) -> None:
        self.tag, self.common_dir, self.git_dir, self.top = tag, common_dir, git_dir, top
        self.folder = os.path.join(common_dir, "autoresearch")

    @cached_property
    def _ledger(self) -> sqlite3.Connection:
        """The ledger, opened for reading alone; it is closed when the hook ends."""
        address = f"file:{_quoted(self.folder)}/ledger.sqlite3?mode=ro"
        database = sqlite3.connect(address, uri=True, timeout=WAIT_S)
        database.row_factory = sqlite3.Row
        return database

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """What a query finds in the ledger."""
        return self._ledger.execute(query, values).fetchall()

    def run(self) -> sqlite3.Row | None:
        """The ledger's row of the run, live or not; None where a branch is only called like a run's."""
        return next(iter(self.rows("SELECT * FROM run WHERE tag = ?", self.tag)), None)

    def places(self, run: sqlite3.Row) -> Places:
        """What a live run protects."""
        root = os.path.realpath(os.path.join(self.top, run["folder"]))
        readable = [os.path.join(root, name) for name in json.loads(run["study"])["study"].get("readable", ())]
        data = os.path.join(root, "data")
        environment = os.path.join(root, os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv"))
        files = dict.fromkeys((*(os.path.join(root, name) for name in FACE), *readable), FROZEN)
        files[os.path.join(root, "results.tsv")] = RECORD
        folders = {
            os.path.realpath(self.common_dir): RECORD,
            os.path.realpath(self.git_dir): RECORD,
            **dict.fromkeys(_vaults(), SEALED),
            os.path.realpath(os.path.dirname(autoresearch.__file__)): FROZEN,
            data: FROZEN,
            environment: FROZEN,
            os.path.join(root, ".claude"): "it guards the run; a person changes it between runs",
        }
        return Places(
            tag=self.tag,
            root=root,
            editable=os.path.join(root, EDITABLE),
            files=files,
            folders=folders,
            explored=frozenset((data, environment, *readable)),
            home=os.path.expanduser("~"),
            resolve=os.path.realpath,
        )


def _vaults() -> list[str]:
    """Where sealed rows may lie, as platformdirs says it, which takes longer to import than the guard to answer."""
    homes = [os.path.expanduser(path) for path in VAULTS]
    if chosen := os.environ.get("XDG_DATA_HOME", "").strip():
        homes.append(os.path.join(os.path.expanduser(chosen), "autoresearch"))
    return [os.path.realpath(path) for path in homes]


def _quoted(path: str) -> str:
    """A path as part of an address."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


# The note of who runs a loop


def _note(folder: str, tag: str) -> str:
    return os.path.join(folder, "sessions", f"{tag}.json")


def watch(folder: str, tag: str) -> Watch | None:
    """Who runs the loop of `tag`, as the ledger's `folder` has it."""
    with suppress(OSError, ValueError, TypeError), open(_note(folder, tag), encoding="utf-8") as file:
        return Watch(**json.load(file))
    return None


def remember(folder: str, tag: str, who: Watch) -> None:
    """Note who runs the loop of `tag`, in one move: two hooks may ask and write at a time."""
    note = _note(folder, tag)
    os.makedirs(os.path.dirname(note), exist_ok=True)
    with open(f"{note}.{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump(who._asdict(), file)
    os.replace(file.name, note)
