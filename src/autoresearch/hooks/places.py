"""What a live run keeps from edits, and whether a path or a text leads there."""

import fnmatch
import os.path
import re
from collections.abc import Callable, Mapping
from functools import cached_property

__all__ = ["Places", "name_of", "words_of"]


def words_of(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rsplit("/", 1)[-1]


class Places:
    """The protected files and folders of one live run, as absolute paths.

    Parameters
    ----------
    tag
        The run.
    root
        The study's folder.
    editable
        The one file that may change.
    files
        Protected files, each with the words that say what to do instead.
    folders
        Protected folders, likewise.
    explored
        Those of both that programs may read in any way: the training rows and lookup files.
    home
        What ``~`` stands for.
    resolve
        Makes a path absolute and real.
    """

    def __init__(
        self,
        tag: str,
        root: str,
        editable: str,
        files: Mapping[str, str],
        folders: Mapping[str, str],
        explored: frozenset[str] = frozenset(),
        home: str = "/",
        resolve: Callable[[str], str] = os.path.normpath,
    ) -> None:
        self.tag, self.root, self.editable, self.home = tag, root, editable, home
        self.files, self.folders, self.explored = files, folders, explored
        self.resolve = resolve

    def absolute(self, word: str, cwd: str) -> str:
        """The path that a word stands for."""
        if word == "~" or word.startswith("~/"):
            word = self.home + word[1:]
        return self.resolve(os.path.join(cwd, word))

    def holder(self, word: str, cwd: str) -> str | None:
        """The protected file or folder that a word names or lies in, globs included; None for any other."""
        if not word or "\0" in word:
            return None
        if "$" in word:  # a place unknown here: its last part decides
            name = word.rsplit("/", 1)[-1]
            return next((path for path in self.files if name_of(path) == name), None)
        path = self.absolute(word, cwd)
        if path == self.editable:
            return None
        if set("*?[") & set(word):
            return next((known for known in self._known if _globbed(known, path)), None)
        return self._of(path)

    def _of(self, path: str) -> str | None:
        folded = path.casefold()  # a disk may not tell cases apart
        for known in self._known:
            if folded == known.casefold():
                return known
        inside = [known for known in self.folders if folded.startswith(known.casefold() + "/")]
        return max(inside, key=len, default=None)

    def beneath(self, word: str, cwd: str) -> str | None:
        """A protected place inside the folder that a word names, or None."""
        folder = self.absolute(word, cwd)
        if any(folder == known or folder.startswith(known + "/") for known in self.folders):
            return self._of(folder)
        return next((known for known in self._known if known.startswith(folder.rstrip("/") + "/")), None)

    def mentioned(self, text: str) -> str | None:
        """A protected place, other than those to be explored, whose name stands in a text; None if none does."""
        found = self._names.search(text)
        return self._by_name[found[0]] if found else None

    def instead(self, place: str) -> str:
        """What to do instead of changing a place."""
        return self.files.get(place) or self.folders[place]

    @property
    def _known(self) -> tuple[str, ...]:
        return (*self.files, *self.folders)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        names = {name_of(path): path for path in self.files if path not in self.explored}
        for path in self.folders:
            if path not in self.explored:
                names[path + "/"] = path
                if path.startswith(self.root + "/"):
                    names[os.path.relpath(path, self.root) + "/"] = path
        return names

    @cached_property
    def _names(self) -> re.Pattern[str]:
        longest = sorted(self._by_name, key=len, reverse=True)
        marks = "|".join(re.escape(name) + ("" if name.endswith("/") else r"(?!\w)") for name in longest)
        return re.compile(rf"(?<![\w-])({marks})" if longest else r"(?!)")


def _globbed(known: str, pattern: str) -> bool:
    """Whether a pattern stands for a place, or for a folder around it."""
    parts = pattern.split("/")
    return fnmatch.fnmatchcase("/".join(known.split("/")[: len(parts)]), pattern)
