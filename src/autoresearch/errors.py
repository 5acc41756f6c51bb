"""Everything that can go wrong and be put right by the reader, as one tree.

AutoresearchError          exit code 1: refused, nothing changed; the message names the remedy
├── StudyError             study.toml or the table behind it
├── DataError              prepared data, the holdout, the vault
├── GitError               the repository, its branches, the working tree
├── LedgerError            the record
├── DuplicateError         train.py is a version that was tried already
├── BusyError              another command holds the worktree
└── RunOverError           exit code 4: the run has ended (budget, stop, suspicious score)
"""

__all__ = [
    "AutoresearchError",
    "BusyError",
    "DataError",
    "DuplicateError",
    "GitError",
    "LedgerError",
    "RunOverError",
    "StudyError",
]


class AutoresearchError(Exception):
    """A refusal in one line: the value, its bound, the remedy."""

    exit_code = 1


class StudyError(AutoresearchError):
    """study.toml, or the table that it names, cannot be used as it is."""


class DataError(AutoresearchError):
    """The prepared data or the sealed holdout is missing or altered."""


class GitError(AutoresearchError):
    """The repository is not in a state from which a run can go on."""


class LedgerError(AutoresearchError):
    """The ledger lacks what was asked of it."""


class DuplicateError(AutoresearchError):
    """The version is no new hypothesis: tried before, or a change of seeds alone."""


class BusyError(AutoresearchError):
    """Another command is at work in this worktree."""


class RunOverError(AutoresearchError):
    """The run has ended; a person decides what comes next."""

    exit_code = 4
