"""Out-of-fold predictions, kept beside the ledger and named by their content."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoresearch.files import write_whole
from autoresearch.splits import Split

__all__ = ["Predictions"]


@dataclass(frozen=True)
class Predictions:
    """The predictions in a folder."""

    folder: Path

    def keep(self, rows: int, dealt: Sequence[Split], answers: Mapping[tuple[int, int], np.ndarray]) -> str:
        """Keep the answers of complete repeats, by (repeat, fold), over a table of so many rows; gives their digest."""
        shape = (1 + max(split.repeat for split in dealt), rows, *next(iter(answers.values())).shape[1:])
        matrix = np.full(shape, np.nan)
        for split in dealt:
            matrix[split.repeat, split.valid] = answers[split.repeat, split.fold]
        buffer = io.BytesIO()
        np.save(buffer, matrix, allow_pickle=False)
        content = buffer.getvalue()
        name = hashlib.sha256(content).hexdigest()
        path = self.folder / f"{name}.npy"
        if not path.exists():
            write_whole(path, content)
        return name

    def load(self, digest: str) -> np.ndarray:
        """Kept predictions, shape (repeats, rows) or (repeats, rows, classes); nan where a row was in no fold."""
        with (self.folder / f"{digest}.npy").open("rb") as file:
            return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]
