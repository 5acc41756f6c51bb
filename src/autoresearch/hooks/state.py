"""What hooks read: the run on the checked-out branch, and the note of who runs its loop. Writes only that note."""

import dataclasses
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

import autoresearch
from autoresearch import checks
from autoresearch.errors import AutoresearchError
from autoresearch.files import write_whole
from autoresearch.git import Git, open_repository
from autoresearch.history import History
from autoresearch.hooks.places import Places
from autoresearch.hooks.stop import Watch
from autoresearch.ledger import Ledger
from autoresearch.run import Run, tag_of
from autoresearch.workspace import EDITABLE, FACE

__all__ = ["Found", "look"]

FROZEN = (
    "it is frozen while the run is live, so that scores stay comparable; change train.py instead, "
    "or say what a person should change between runs"
)
RECORD = "it is the record, which the harness writes; `uv run autoresearch step` adds to it, `log` and `show N` read it"


@dataclasses.dataclass(frozen=True)
class Found:
    """The repository around a session.

    Parameters
    ----------
    tag
        The run whose branch is checked out, None elsewhere.
    """

    git: Git
    tag: str | None

    @property
    def _folder(self) -> Path:
        return self.git.common_dir / "autoresearch"

    @property
    def _ledger(self) -> Ledger | None:
        return Ledger(self._folder) if (self._folder / "ledger.sqlite3").is_file() else None

    def run(self) -> Run | None:
        """The run on the checked-out branch, live or not; None where there is none."""
        ledger = self._ledger if self.tag else None
        return ledger.find_run(self.tag) if ledger and self.tag else None

    def history(self) -> tuple[History, str | None] | None:
        """That run's history, and why it has ended or is to end."""
        ledger, run = self._ledger, self.run()
        if ledger is None or run is None:
            return None
        history = History(run, ledger.trials(run.tag), ledger.audits(run.tag))
        return history, run.ended or checks.ending(history, time.time())

    def places(self, run: Run) -> Places:
        """What a live run protects."""
        top = Path(self.git.run("rev-parse", "--show-toplevel"))
        root = os.path.realpath(top / run.folder)
        package = os.path.realpath(Path(autoresearch.__file__).parent)
        data = os.path.join(root, "data")
        files = {os.path.join(root, name): FROZEN for name in (*FACE, *run.study.study.readable)}
        files[os.path.join(root, "results.tsv")] = RECORD
        readable = {os.path.join(root, name) for name in run.study.study.readable}
        environment = os.path.join(root, os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv"))
        folders = {
            os.path.realpath(self.git.common_dir): RECORD,
            os.path.realpath(self.git.git_dir): RECORD,
            os.path.realpath(user_data_path("autoresearch")): "the holdout is sealed until a person audits; leave it",
            package: FROZEN,
            data: FROZEN,
            environment: FROZEN,
            os.path.join(root, ".claude"): "it guards the run; a person changes it between runs",
        }
        return Places(
            run.tag,
            root,
            os.path.join(root, EDITABLE),
            files,
            folders,
            frozenset({data, environment, *readable}),
            str(Path.home()),
            os.path.realpath,
        )

    # The note of who runs a loop

    def _note(self, tag: str) -> Path:
        return self._folder / "sessions" / f"{tag}.json"

    def watch(self, tag: str) -> Watch | None:
        """Who runs the loop of `tag`."""
        with suppress(OSError, ValueError, TypeError):
            return Watch(**json.loads(self._note(tag).read_text(encoding="utf-8")))
        return None

    def remember(self, tag: str, watch: Watch) -> None:
        """Note who runs the loop of `tag`."""
        write_whole(self._note(tag), json.dumps(dataclasses.asdict(watch)).encode())


def look(start: Path) -> Found | None:
    """Find the repository around `start`; None where there is none, or no commit in it yet."""
    try:
        git = open_repository(start)
    except (AutoresearchError, OSError):
        return None
    return Found(git, tag_of(git.branch()))
