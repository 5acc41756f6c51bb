"""A shell command as the simple commands in it: words without quotes, where they write, what is fed to them.

It reads what agents write: quotes, here-documents, substitutions, assignments, braces. It runs nothing.
"""

import itertools
import re
from collections.abc import Mapping

__all__ = ["Simple", "UnreadableError", "parse"]

OPERATORS = ("&&", "||", ";;", "|&", ";", "|", "&", "(", ")", "\n")
REDIRECTIONS = ("&>>", "&>", "<<<", "<<-", "<<", ">>", ">|", ">&", "<>", "<&", ">", "<")
KEYWORDS = frozenset(["if", "then", "elif", "else", "fi", "do", "done", "while", "until", "{", "}", "!"])
WRITING = frozenset(("&>>", "&>", ">>", ">|", ">&", "<>", ">"))
MOST_BRACES = 64
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


class UnreadableError(ValueError):
    """A quote, substitution or here-document of the command does not end."""


class Simple:
    """One simple command.

    Parameters
    ----------
    words
        Program and arguments, quotes removed, known variables put in; leading assignments left out.
    writes
        Files that its output is redirected to.
    fed
        Text of its here-documents and here-strings.
    piped
        Whether it reads the output of the command before it.
    """

    def __init__(self, *, piped: bool = False) -> None:
        self.words: list[str] = []
        self.writes: list[str] = []
        self.fed = ""
        self.piped = piped


def parse(command: str, variables: Mapping[str, str] | None = None) -> list[Simple]:
    """Take a command line apart; commands inside substitutions come first.

    Raises
    ------
    UnreadableError
        It is no complete command.
    """
    return _Reader(command.replace("\\\n", ""), dict(variables or {})).read()


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self.text, self.at, self.variables = text, 0, variables
        self.done: list[Simple] = []
        self.now = Simple()
        self.pending: list[tuple[Simple, str, bool]] = []  # here-documents that begin at the next newline

    def read(self) -> list[Simple]:
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r":
                self.at += 1
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif redirection := self._redirection():
                self._redirect(redirection)
            elif operator := next((o for o in OPERATORS if self.text.startswith(o, self.at)), None):
                self.at += len(operator)
                self._end(piped=operator in ("|", "|&"))
                if operator == "\n":
                    self._heredocs()
            else:
                self._add(self._word())
        self._end(piped=False)
        if self.pending:
            raise UnreadableError("a here-document does not end")
        return self.done

    def _end(self, *, piped: bool) -> None:
        if self.now.words or self.now.writes:
            self.done.append(self.now)
            self.now = Simple(piped=piped)

    def _add(self, word: str) -> None:
        words = self.now.words
        if not words and word in KEYWORDS:
            return
        if not words and (found := re.fullmatch(r"([A-Za-z_]\w*)=(.*)", word, re.DOTALL)):
            self.variables[found[1]] = found[2]
            return
        words += _braces(word)

    def _redirection(self) -> str | None:
        found = re.compile(r"\d*(?=[<>])|(?=&>)").match(self.text, self.at)
        if not found or self.text.startswith(("<(", ">("), found.end()):
            return None
        sign = next(r for r in REDIRECTIONS if self.text.startswith(r, found.end()))
        self.at = found.end() + len(sign)
        return sign

    def _redirect(self, sign: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        start = self.at
        target = self._word()
        if sign in ("<<", "<<-"):
            plain = not re.search(r"[\\'\"]", self.text[start : self.at])
            self.pending.append((self.now, target, plain))
        elif sign == "<<<":
            self.now.fed += target + "\n"
        elif sign in WRITING and not (sign == ">&" and re.fullmatch(r"\d+|-", target)):
            self.now.writes += _braces(target)

    def _heredocs(self) -> None:
        for command, mark, plain in self.pending:
            end = re.compile(rf"^\t*{re.escape(mark)}$", re.MULTILINE).search(self.text, self.at)
            if end is None:
                raise UnreadableError(f"the here-document {mark!r} does not end")
            body = self.text[self.at : end.start()]
            command.fed += body
            self.at = min(end.end() + 1, len(self.text))
            if plain:
                for inner in re.findall(r"\$\(([^()]*)\)|`([^`]*)`", body):
                    self.done += parse("".join(inner), self.variables)
        self.pending.clear()

    def _word(self) -> str:
        text, found = self.text, list[str]()
        while self.at < len(text):
            char = text[self.at]
            if char == "'":
                found.append(self._until("'"))
            elif char == '"':
                found.append(self._quoted())
            elif text.startswith("$'", self.at):
                self.at += 1
                found.append(self._ansi())
            elif char == "\\":
                found.append(text[self.at + 1 : self.at + 2])
                self.at += 2
            elif char in "$`":
                found.append(self._dollar())
            elif text.startswith(("<(", ">("), self.at):
                self.at += 1
                found.append(self._nested())
            elif char in " \t\r\n;&|()<>":
                break
            else:
                found.append(char)
                self.at += 1
        return "".join(found)

    def _until(self, mark: str) -> str:
        end = self.text.find(mark, self.at + 1)
        if end < 0:
            raise UnreadableError(f"a {mark} does not end")
        inside, self.at = self.text[self.at + 1 : end], end + 1
        return inside

    def _ansi(self) -> str:
        found = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL).match(self.text, self.at)
        if not found:
            raise UnreadableError("a $' does not end")
        self.at = found.end()
        plain = re.sub(r"\\x([0-9a-fA-F]{1,2})", lambda m: chr(int(m[1], 16)), found[1])
        plain = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), plain)
        return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), plain, flags=re.DOTALL)

    def _quoted(self) -> str:
        self.at += 1
        found = list[str]()
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return "".join(found)
            if char in "$`":
                found.append(self._dollar())
                continue
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "`", '"', "\\"):
                self.at += 1
                char = self.text[self.at]
            found.append(char)
            self.at += 1
        raise UnreadableError('a " does not end')

    def _dollar(self) -> str:
        """A variable, a substitution or a plain dollar at this place; substituted commands are read on the side."""
        if self.text[self.at] == "`":
            self.done += parse(self._until("`"), self.variables)
            return "$()"
        if self.text.startswith("$((", self.at):
            end = self.text.find("))", self.at)
            if end >= 0:
                self.at = end + 2
                return "$()"
        if self.text.startswith("$(", self.at):
            self.at += 1
            return self._nested()
        found = re.compile(r"\$(?:(\w+)|\{(\w+)\})").match(self.text, self.at)
        if not found:
            self.at += 1
            return "$"
        self.at = found.end()
        return self.variables.get(found[1] or found[2], found[0])

    def _nested(self) -> str:
        """The command between this parenthesis and its partner, read on the side."""
        inner = _Reader(self.text[self.at + 1 :], dict(self.variables))
        depth = 0
        while inner.at < len(inner.text):  # walk over words, so that a parenthesis in quotes is none
            char = inner.text[inner.at]
            if char == ")" and depth == 0:
                self.done += parse(inner.text[: inner.at], self.variables)
                self.at += 1 + inner.at + 1
                return "$()"
            depth += (char == "(") - (char == ")")
            before = inner.at
            inner._word()
            inner.at = max(inner.at, before + 1)
        raise UnreadableError("a $( does not end")


def _braces(word: str) -> list[str]:
    """All words that braces stand for: ``{a,b}.py`` is ``a.py`` and ``b.py``."""
    pieces = re.split(r"(?<!\$)(\{[^{}]*,[^{}]*\})", word)
    if len(pieces) == 1:
        return [word]
    choices = [piece[1:-1].split(",") if piece.startswith("{") else [piece] for piece in pieces]
    return ["".join(chosen) for chosen in itertools.islice(itertools.product(*choices), MOST_BRACES)]
