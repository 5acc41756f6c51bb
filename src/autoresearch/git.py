"""Git, by plumbing: snapshots, compare-and-swap of a branch, one file's index entry. Decides nothing.

Plumbing keeps a person's hooks, signing and staged work out of a run. Nothing here resets, checks out
or cleans a working tree.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoresearch.errors import GitError

__all__ = ["ABSENT", "Git", "open_repository"]

ABSENT = "0" * 40  # what update-ref calls a ref that must not exist
UNTOLD = "/.invalid"  # in HEAD of a repository that keeps its refs in tables
LOCK_PATIENCE = 3.0  # seconds to wait for another git command's index.lock


def open_repository(root: Path) -> "Git":
    """Find the repository around `root`.

    Raises
    ------
    GitError
        Git is missing, `root` is in no repository, or the repository has no commit.
    """
    try:
        lines = _run(root, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", "--show-prefix")
    except FileNotFoundError:
        raise GitError("git is not installed, or not on PATH; a run is kept in git: install it") from None
    except GitError:
        raise GitError(
            f"{root} is in no git repository; a run is kept in git: git init && git add -A && git commit -m start"
        ) from None
    git_dir, common_dir, *prefix = lines.split("\n")
    return Git(root, Path(git_dir), Path(common_dir), prefix[0] if prefix else "")


def _run(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    result = subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C", **(env or {})},
        check=False,
    )
    if result.returncode:
        said = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        stale = "; if no git command is at work here, delete that file" if ".lock': File exists" in said[0] else ""
        raise GitError(f"git {arguments[0]}: {said[0].rstrip('.')}{stale}")
    return result.stdout.strip()


@dataclass(frozen=True)
class Git:
    """A repository seen from a study's folder.

    Parameters
    ----------
    root
        The study's folder.
    git_dir, common_dir
        This worktree's private part of the repository, and the part that all worktrees share.
    prefix
        Path of `root` inside the repository, empty or ending in a slash.
    """

    root: Path
    git_dir: Path
    common_dir: Path
    prefix: str

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """Run git in `root`, its output stripped.

        Raises
        ------
        GitError
            Git refused; its first line is the message.
        """
        return _run(self.root, *arguments, env=env)

    def branch(self) -> str | None:
        """The checked-out branch's full ref; None when HEAD is detached."""
        head = (self.git_dir / "HEAD").read_text(encoding="utf-8").strip()  # asked often, and git takes 3 ms to say it
        if not head.endswith(UNTOLD):
            return head.removeprefix("ref: ") if head.startswith("ref: ") else None
        try:
            return self.run("symbolic-ref", "-q", "HEAD")
        except GitError:
            return None

    def resolve(self, name: str) -> str | None:
        """The object that `name` stands for; None when there is none."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", name)
        except GitError:
            return None

    def blob_at(self, commit: str, file: str) -> str | None:
        """Git's name of `file`'s content in `commit`."""
        return self.resolve(f"{commit}:{self.prefix}{file}")

    def tracks(self, file: str) -> bool:
        """Whether the index holds `file`."""
        return bool(self.run("ls-files", "--", file))

    def staged(self, file: str) -> str | None:
        """Git's name of `file`'s content in the index."""
        return self.resolve(f":0:{self.prefix}{file}")

    def contains(self, tip: str, commit: str) -> bool:
        """Whether `commit` is `tip` or lies behind it."""
        try:
            self.run("merge-base", "--is-ancestor", commit, tip)
        except GitError:
            return False
        return True

    def store(self, content: bytes) -> str:
        """Keep `content` in the object store; gives its name."""
        command = ["git", "hash-object", "-w", "--stdin"]
        return (
            subprocess.run(command, cwd=self.root, input=content, capture_output=True, check=True)
            .stdout.decode()
            .strip()
        )

    def blob_of(self, file: str) -> str | None:
        """Git's name for the working copy of `file`; None when it is gone."""
        return self.run("hash-object", "--no-filters", file) if (self.root / file).is_file() else None

    def read(self, blob: str) -> bytes:
        """Content of a blob."""
        command = ["git", "cat-file", "blob", blob]
        return subprocess.run(command, cwd=self.root, capture_output=True, check=True).stdout

    def dirty(self, files: Sequence[str]) -> list[str]:
        """Those of `files` that differ from the last commit, or that no commit holds."""
        lines = self.run("status", "--porcelain", "--untracked-files=all", "--", *files)
        return [line.split(maxsplit=1)[1].removeprefix(self.prefix) for line in lines.splitlines()]

    def snapshot(self, file: str, blob: str, parents: Sequence[str], message: str) -> str:
        """Commit `blob` as `file` on top of the first parent's tree, through an index of its own."""
        mode = (self.run("ls-tree", parents[0], "--", file) or "100644").split()[0]
        with tempfile.TemporaryDirectory(prefix="autoresearch-", dir=self.git_dir) as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self.run("read-tree", parents[0], env=env)
            self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{self.prefix}{file}", env=env)
            tree = self.run("write-tree", env=env)
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self._authored("commit-tree", tree, *flags, "-m", message)

    def _authored(self, *arguments: str) -> str:
        """Run what makes a commit, with the person's author, or ours where none is configured on this machine."""
        try:
            return self.run(*arguments)
        except GitError:
            roles = ("AUTHOR", "COMMITTER")
            names = {f"GIT_{role}_NAME": "autoresearch" for role in roles}
            names |= {f"GIT_{role}_EMAIL": "autoresearch@localhost" for role in roles}
            return self.run(*arguments, env=names)

    def commit(self, files: Sequence[str], message: str) -> None:
        """Commit these files as they are, on the branch that is checked out, and nothing else that is staged.

        Raises
        ------
        GitError
            Git refused.
        """
        self.run("add", "--", *files)
        self._authored("commit", "-q", "--no-verify", "-m", message, "--", *files)

    def swap_ref(self, ref: str, new: str, old: str) -> None:
        """Point `ref` to `new` if it still points to `old` (`ABSENT`: if there is none yet).

        Raises
        ------
        GitError
            The ref is elsewhere.
        """
        self.run("update-ref", ref, new, old)

    def set_ref(self, ref: str, new: str) -> None:
        """Point `ref`, which only this engine writes, to `new`."""
        self.run("update-ref", ref, new)

    def attach(self, ref: str) -> None:
        """Make `ref` the checked-out branch without touching index or files: it must point to HEAD."""
        self.run("symbolic-ref", "-m", "autoresearch: start", "HEAD", ref)

    def refresh(self, file: str) -> None:
        """Bring the index entry of `file`, and nothing else, to what the branch holds.

        Raises
        ------
        GitError
            index.lock is held for longer than a living git command would.
        """
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                self.run("reset", "-q", "--", file)
            except GitError as error:
                lock = self.git_dir / "index.lock"
                if not lock.exists():
                    raise
                if time.monotonic() > deadline:
                    raise GitError(
                        f"{lock} is held, or was left by a git command that died; if no git command "
                        "is at work here, delete it and run `uv run autoresearch doctor`"
                    ) from error
                time.sleep(0.1)
            else:
                return

    def unfinished(self) -> str | None:
        """The merge, rebase or the like that a person has not finished; None in a quiet repository."""
        marks = {
            "MERGE_HEAD": "merge",
            "CHERRY_PICK_HEAD": "cherry-pick",
            "REVERT_HEAD": "revert",
            "rebase-merge": "rebase",
            "rebase-apply": "rebase",
            "BISECT_LOG": "bisect",
        }
        return next((what for mark, what in marks.items() if (self.git_dir / mark).exists()), None)

    def elsewhere(self, ref: str) -> str | None:
        """The other worktree that has `ref` checked out; None when no other has."""
        here = self.run("rev-parse", "--path-format=absolute", "--show-toplevel")
        worktree = ""
        for line in self.run("worktree", "list", "--porcelain").splitlines():
            if line.startswith("worktree "):
                worktree = line.removeprefix("worktree ")
            elif line == f"branch {ref}" and worktree != here:
                return worktree
        return None
