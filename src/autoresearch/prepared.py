"""What preparing a study leaves in data/: the training rows and a manifest that every command can read fast."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from autoresearch.errors import DataError, StudyError
from autoresearch.files import digest, write_whole
from autoresearch.space import things
from autoresearch.study import Study
from autoresearch.vault import Seal

__all__ = ["Prepared", "fingerprint", "identity", "read", "stamp", "training_file"]


@dataclass(frozen=True)
class Prepared:
    """The manifest of a prepared study, ``data/<name>.json``.

    Parameters
    ----------
    fingerprint
        Hash over the study's settings and what the table holds. Scores of different ones are never compared.
    identity
        The settings part of it.
    rows, holdout_rows, columns
        Training rows, sealed rows, and columns with the target among them.
    dtypes
        Column to pandas type, found on the whole table, so that both parts read alike.
    classes
        Labels by code, the positive class last for a binary task; empty for regression.
    balance
        The target in words: share of each class, or mean and deviation.
    repeats, folds
        The cross-validation; one fold means a single 80/20 split.
    provable
        Smallest gain that a first audit could prove, as forecast.
    suspicious
        The score beyond which leakage is looked for first.
    training_digest
        SHA-256 of the training rows' file.
    holdout_digest
        Digest of what the sealed rows hold: their name in the vault.
    source, described
        The table as study.toml names it, and what it was read as.
    source_stamp, source_digest
        Size and time of its file, and SHA-256 of its bytes; empty for what is no file.
    gaps
        Features of which some training rows have no value.
    messy
        Whether dates, text or many categories are among the columns: what suits such a table is another baseline.
    findings
        What a person should know of the table, a line each, gravest first.
    """

    name: str
    fingerprint: str
    identity: str
    rows: int
    holdout_rows: int
    columns: int
    dtypes: dict[str, str]
    classes: tuple[str | int | float | bool, ...]
    balance: str
    repeats: int
    folds: int
    provable: float
    suspicious: float
    training_digest: str
    holdout_digest: str
    source: str
    described: str = ""
    source_stamp: str = ""
    source_digest: str = ""
    messy: bool = False
    gaps: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    def features(self, study: Study) -> dict[str, str]:
        """Column to pandas type, of what train.py is given."""
        left_out = {study.study.target, *([study.group.column] if study.group and not study.time else [])}
        return {name: dtype for name, dtype in self.dtypes.items() if name not in left_out}

    def things(self, study: Study) -> frozenset[str]:
        """Which of the things that variants act on the features have: dates, text, gaps, ..."""
        return things(self.features(study), dict.fromkeys(self.gaps, 1), messy=self.messy)

    @property
    def seal(self) -> Seal:
        """The sealed holdout."""
        return Seal(self.holdout_digest)

    def training_path(self, root: Path) -> Path:
        """Where the training rows lie."""
        return root / training_file(self.name)

    def write(self, root: Path) -> None:
        """Leave the manifest in data/."""
        text = json.dumps(dataclasses.asdict(self), indent=1)
        write_whole(_manifest(root, self.name), text.encode())


def training_file(name: str) -> str:
    """Path of a study's training rows, from its root."""
    return f"data/{name}.parquet"


def stamp(path: Path) -> str:
    """Size and time of a file: while they stay, so do its bytes."""
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _manifest(root: Path, name: str) -> Path:
    return root / "data" / f"{name}.json"


def identity(study: Study) -> str:
    """The settings part of the fingerprint, as canonical text."""
    return json.dumps(study.identity(), sort_keys=True)


def fingerprint(root: Path, study: Study, training: str, holdout: str) -> str:
    """Hash over the study's settings, the content of both parts of the table, and the bytes of the readable files.

    Parameters
    ----------
    training, holdout
        Digests of what the two parts hold.

    Raises
    ------
    StudyError
        A readable file is not there.
    """
    parts = [identity(study), training, holdout]
    for name in study.study.readable:
        if not (root / name).is_file():
            raise StudyError(f"study.toml: study.readable: {name!r} is no file beside study.toml")
        parts.append(f"{name} {digest(root / name)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def read(root: Path, study: Study, *, frozen: bool = False) -> Prepared | None:
    """The manifest of `study`, or None where it was not prepared, or from another table or other settings.

    Parameters
    ----------
    frozen
        Whether a live run holds on to what it began with, whatever becomes of the table's own file.

    Raises
    ------
    DataError
        The training rows in data/ are not the ones that were prepared.
    """
    try:
        raw = json.loads(_manifest(root, study.study.name).read_text())
        prepared = Prepared(**raw | {name: tuple(raw.get(name, ())) for name in ("classes", "findings", "gaps")})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if prepared.identity != identity(study) or not prepared.seal.path.exists():
        return None
    path = prepared.training_path(root)
    if not path.exists() or not (frozen or _same_source(root, study, prepared)):
        return None
    if digest(path) != prepared.training_digest:
        raise DataError(
            f"data/{path.name} is not what was prepared (its SHA-256 changed); "
            "move it away if you need it, then `uv run prepare.py` writes it anew"
        )
    return prepared


def _same_source(root: Path, study: Study, prepared: Prepared) -> bool:
    """Whether the table is the one that was prepared; a file that was moved away since is not asked for again."""
    same_name = study.study.data == prepared.source
    path = root / study.study.data
    if not path.is_file() or not prepared.source_digest:
        return same_name
    if same_name and stamp(path) == prepared.source_stamp:
        return True
    return digest(path) == prepared.source_digest
