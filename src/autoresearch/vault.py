"""The vault: holdout rows sealed outside the working tree, and the record of who opened them.

A seal is keyed by what the holdout's rows hold, so two studies, tags or clones over the same rows share one
seal and one audit count. It is tamper-evident against the same user, not tamper-proof: docs/security.md.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from autoresearch.errors import DataError
from autoresearch.files import locked, write_whole, writing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Seal", "seal"]


def seal(table: "pd.DataFrame", rows: "np.ndarray", digest: str) -> "Seal":
    """Put `rows` (positions) of a table under seal, by the `digest` of what they hold; sealed ones stay as they are."""
    from autoresearch import content

    found = Seal(digest)
    found.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not found.path.exists():
        with writing(found.path, mode=0o600) as file:
            content.write(file, table, rows)
    return found


@dataclass(frozen=True)
class Seal:
    """One sealed holdout, named by the digest of its rows' content, the same whatever wrote the file."""

    digest: str

    @property
    def folder(self) -> Path:
        """Where the rows lie: the user's data folder, outside any working tree."""
        return user_data_path("autoresearch") / "vault" / self.digest[:16]

    @property
    def path(self) -> Path:
        """The sealed rows."""
        return self.folder / "holdout.parquet"

    def read(self) -> "pd.DataFrame":
        """The rows, checked against the seal.

        Raises
        ------
        DataError
            The rows are gone or are no longer the sealed ones.
        """
        from autoresearch import content

        try:
            stored = self.path.read_bytes()
        except OSError:
            raise DataError(
                f"the sealed holdout {self.path} cannot be read; `uv run prepare.py` seals it anew"
            ) from None
        try:
            rows = content.read(stored)
        except ValueError:
            rows = None
        if rows is None or content.digest(rows) != self.digest:
            raise DataError(
                f"the sealed holdout {self.path} was altered: it is no proof any more; "
                "move it away and run `uv run prepare.py`, and say so in whatever you report"
            )
        return rows

    @property
    def row_seed(self) -> int:
        """Seed of the order in which rows reach a trial: drawn from rows that no trial sees, the same everywhere."""
        from autoresearch import content

        return int(content.digest(self.read(), salt="row order")[:16], 16)

    @property
    def unsealed(self) -> bool:
        """Whether a study with ``holdout.show = "always"`` ever opened these rows; for good."""
        return (self.folder / "unsealed").exists()

    def unseal(self) -> None:
        """Mark the rows as seen by the search, for good."""
        if not self.unsealed:
            write_whole(self.folder / "unsealed", f"{time.time():.0f}\n".encode())

    def audits(self) -> list[dict[str, object]]:
        """The audits spent on these rows, oldest first."""
        record = self.folder / "audits.jsonl"
        return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []

    @contextmanager
    def spend(self, tag: str) -> Iterator[int]:
        """Enter the next audit in the record before anything is read, and give its number, from 1."""
        with locked(self.folder / "lock"):
            spent = [*self.audits(), {"tag": tag, "time": time.time()}]
            text = "".join(json.dumps(audit) + "\n" for audit in spent)
            write_whole(self.folder / "audits.jsonl", text.encode(), mode=0o600)
        yield len(spent)
