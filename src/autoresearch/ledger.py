"""The ledger: the one record of runs, trials, audits and reviews. Only this module writes it."""

import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from autoresearch.errors import LedgerError
from autoresearch.files import locked
from autoresearch.run import AuditRecord, Review, Run, SearchRecord
from autoresearch.study import Study
from autoresearch.trial import Evidence, State, Trial, Verdict

__all__ = ["Ledger"]

WAIT_MS = 10_000  # for another worktree's transaction; each takes a millisecond
TRIAL_FIELDS = tuple(f.name for f in dataclasses.fields(Trial))
RUN_FIELDS = tuple(f.name for f in dataclasses.fields(Run))


class Ledger:
    """One SQLite database beside the repository, shared by its worktrees.

    Parameters
    ----------
    folder
        Created where absent; holds ``ledger.sqlite3`` and the predictions.

    Raises
    ------
    LedgerError
        The file is no database, or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ledger.sqlite3"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
            with locked(folder / "ledger.lock"):  # SQLite waits for others in transactions, not on the way to WAL
                self._db.execute("PRAGMA journal_mode = WAL")
                # an older ledger lacks the schema's last tables, and gains what is new
                known = "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('review', 'choice', 'search')"
                if self._db.execute(known).fetchone()[0] < 3:
                    self._db.executescript(resources.files("autoresearch").joinpath("schema.sql").read_text())
                    columns = {row["name"] for row in self._db.execute("PRAGMA table_info(trial)")}
                    if "searched" not in columns:
                        self._db.execute("ALTER TABLE trial ADD COLUMN searched INTEGER NOT NULL DEFAULT 0")
            self._db.execute("PRAGMA synchronous = FULL")
        except (OSError, sqlite3.DatabaseError) as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error}; restore it from a backup") from None

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone: the write lock is taken before anything is read."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Runs

    def add_run(self, run: Run, baseline: Trial) -> None:
        """Enter a new run with its baseline."""
        with self.transaction():
            self._insert("run", _run_row(run))
            self._insert("trial", _trial_row(baseline))

    def update_run(self, tag: str, **changes: Any) -> None:
        """Change fields of a run."""
        if "warnings" in changes:
            changes["warnings"] = json.dumps(changes["warnings"])
        self._update("run", changes, "tag = ?", (tag,))

    def find_run(self, tag: str) -> Run | None:
        """The run under `tag`, or None."""
        row = self._db.execute("SELECT * FROM run WHERE tag = ?", (tag,)).fetchone()
        return _run(row) if row else None

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return [_run(row) for row in self._db.execute("SELECT * FROM run ORDER BY created")]

    # Trials

    def add_trial(
        self, trial: Trial, choice: Mapping[str, str] | None = None, params: Mapping[str, Any] | None = None
    ) -> Trial:
        """Enter a trial under the run's next number, and give it back with that number.

        Parameters
        ----------
        choice, params
            Slot to variant, and ``slot.parameter`` to value, of a composition; None for what somebody wrote.
        """
        with self.transaction():
            query = "SELECT COALESCE(MAX(n), -1) + 1 FROM trial WHERE tag = ?"
            (number,) = self._db.execute(query, (trial.tag,)).fetchone()
            trial = dataclasses.replace(trial, n=number)
            self._insert("trial", _trial_row(trial))
            if choice is not None:
                self._choose(trial.tag, trial.n, choice, params or {})
        return trial

    def add_choice(self, tag: str, n: int, choice: Mapping[str, str], params: Mapping[str, Any]) -> None:
        """Enter what a trial that is there was composed of."""
        with self.transaction():
            self._choose(tag, n, choice, params)

    def _choose(self, tag: str, n: int, choice: Mapping[str, str], params: Mapping[str, Any]) -> None:
        row = {"tag": tag, "n": n, "variant": json.dumps(choice), "params": json.dumps(params, sort_keys=True)}
        self._insert("choice", row)

    def update_trial(self, trial: Trial, **changes: Any) -> Trial:
        """Change fields of a trial in one transaction, and give the trial as it now stands."""
        return self.save_trial(dataclasses.replace(trial, **changes))

    def save_trial(self, trial: Trial) -> Trial:
        """Write a trial over its earlier state, in one transaction."""
        self._update("trial", _trial_row(trial), "tag = ? AND n = ?", (trial.tag, trial.n))
        return trial

    def trials(self, tag: str) -> list[Trial]:
        """A run's trials in order."""
        return [_trial(row) for row in self._db.execute("SELECT * FROM trial WHERE tag = ? ORDER BY n", (tag,))]

    def unsettled(self, tag: str) -> list[Trial]:
        """A run's trials that a killed command left, in order."""
        rows = self._db.execute("SELECT * FROM trial WHERE tag = ? AND settled = 0 ORDER BY n", (tag,))
        return [_trial(row) for row in rows]

    def ended(self, tag: str) -> int:
        """How many of a run's trials ended."""
        query = "SELECT COUNT(*) FROM trial WHERE tag = ? AND state NOT IN ('running', 'interrupted')"
        return int(self._db.execute(query, (tag,)).fetchone()[0])

    def trial(self, tag: str, n: int) -> Trial:
        """One trial of a run."""
        return _trial(self._db.execute("SELECT * FROM trial WHERE tag = ? AND n = ?", (tag, n)).fetchone())

    def read(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a query finds, for who counts and ranks without reading whole trials: see `digests`."""
        return self._db.execute(query, values).fetchall()

    # Audits

    def add_audit(self, audit: AuditRecord) -> None:
        """Enter an audit's answer."""
        self._insert("audit", dataclasses.asdict(audit))

    def audits(self, tag: str) -> list[AuditRecord]:
        """A run's audits in order."""
        rows = self._db.execute("SELECT * FROM audit WHERE tag = ? ORDER BY created", (tag,))
        return [AuditRecord(**{**dict(row), "unsealed": bool(row["unsealed"])}) for row in rows]

    def audits_elsewhere(self, run: Run) -> int:
        """How many audits other runs over the same study have spent."""
        query = "SELECT COUNT(*) FROM audit JOIN run USING (tag) WHERE fingerprint = ? AND tag != ?"
        return int(self._db.execute(query, (run.fingerprint, run.tag)).fetchone()[0])

    # Reviews

    def add_review(self, review: Review) -> None:
        """Enter what a reviewer found in a trial."""
        self._insert("review", {name: _storable(value) for name, value in dataclasses.asdict(review).items()})

    def reviews(self, tag: str) -> list[Review]:
        """A run's reviews in order."""
        rows = self._db.execute("SELECT * FROM review WHERE tag = ? ORDER BY created, rowid", (tag,))
        return [Review(**dict(row)) for row in rows]

    # Searches

    def add_search(self, search: SearchRecord) -> None:
        """Enter a search that begins; one before it that did not come to its end is given up."""
        with self.transaction():
            self._update("search", {"ended": True}, "tag = ?", (search.tag,))
            self._insert("search", dataclasses.asdict(search))

    def save_search(self, search: SearchRecord) -> None:
        """Write a search over its earlier state."""
        self._update("search", dataclasses.asdict(search), "tag = ? AND first = ?", (search.tag, search.first))

    def open_search(self, tag: str) -> SearchRecord | None:
        """The search of a run that did not come to its end, or None."""
        row = self._db.execute("SELECT * FROM search WHERE tag = ? AND NOT ended", (tag,)).fetchone()
        return SearchRecord(**{**dict(row), "ended": bool(row["ended"])}) if row else None

    # Table and column names below come from this package's dataclasses, values always travel as parameters.

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        columns = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        self._db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))  # noqa: S608

    def _update(self, table: str, changes: dict[str, Any], where: str, key: tuple[Any, ...]) -> None:
        columns = ", ".join(f'"{name}" = ?' for name in changes)
        self._db.execute(f"UPDATE {table} SET {columns} WHERE {where}", (*changes.values(), *key))  # noqa: S608


def _run_row(run: Run) -> dict[str, Any]:
    row = {name: getattr(run, name) for name in RUN_FIELDS}
    return row | {
        "study": run.study.to_json(),
        "frozen": json.dumps(run.frozen),
        "warnings": json.dumps(run.warnings),
    }


def _run(row: sqlite3.Row) -> Run:
    fields = {name: row[name] for name in RUN_FIELDS}
    return Run(
        **fields
        | {
            "study": Study.from_json(row["study"]),
            "frozen": json.loads(row["frozen"]),
            "warnings": tuple(json.loads(row["warnings"])),
        }
    )


def _trial_row(trial: Trial) -> dict[str, Any]:
    row = {name: _storable(getattr(trial, name)) for name in TRIAL_FIELDS}
    return row | {"scores": json.dumps(trial.scores)}


def _storable(value: Any) -> Any:
    """Text of a trial may hold what is no Unicode, in an error for example; SQLite refuses that."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _trial(row: sqlite3.Row) -> Trial:
    fields = {name: row[name] for name in TRIAL_FIELDS}
    return Trial(
        **fields
        | {
            "scores": tuple(tuple(repeat) for repeat in json.loads(row["scores"])),
            "state": State(row["state"]),
            "verdict": Verdict(row["verdict"]) if row["verdict"] else None,
            "evidence": Evidence(row["evidence"]),
            "by_hand": bool(row["by_hand"]),
            "searched": bool(row["searched"]),
            "settled": bool(row["settled"]),
        }
    )
