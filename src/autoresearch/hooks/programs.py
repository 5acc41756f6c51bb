"""Whether a simple command would change what a live run protects: readers may read, the rest needs another way.

A name that leads to a protected place is enough for a refusal, unless the program is known only to read. It is
a norm for honest agents in a hurry; a program that hides what it writes passes, and the next step refuses instead.
"""

import itertools
import os.path
import re
from collections.abc import Sequence

from autoresearch.hooks import gitrules
from autoresearch.hooks.places import Places, name_of, words_of
from autoresearch.hooks.shell import Simple, UnreadableError, parse

__all__ = ["refusal"]

READERS = words_of("""
    . [ [[ alias basename bat cat cd cksum cmp comm cut date df diff dirname du echo egrep export fgrep file
    fold grep head hexdump jq less ls md5sum more nl od paste popd printf ps pushd pwd readlink realpath rg sha1sum
    sha256sum source stat strings tail test tr tree true type wc which
""")
TEXT_READERS = frozenset(("awk", "gawk", "mawk", "sed", "sort"))
"""They read, unless an option or their own program text makes them write."""
WRITERS = words_of("""
    chgrp chmod chown dd ed emacs ex install ln mv nano patch perl rm rmdir rsync shred sponge tee touch truncate
    unlink vi vim
""")
"""Not even for files that every other program may read."""
WRAPPERS = words_of("builtin busybox command doas env exec ionice nice nohup setsid stdbuf sudo time timeout")
SHELLS = frozenset(("bash", "dash", "ksh", "sh", "zsh"))
COPIERS = frozenset(("cp", "scp"))
FORMATTERS = frozenset(("autopep8", "black", "isort", "ruff"))
"""They rewrite every file of the folder that they are given, or are in."""
PACKAGES = (
    "installing packages changes what earlier trials ran on; say what you would need in `HYPOTHESIS` or your report, "
    "a person adds it between runs"
)
AUDIT = "the audit opens the sealed holdout: a person runs it, in a terminal, and types the tag"
DEPTH = 5  # shells within shells that are read


def refusal(command: str, cwd: str, places: Places, depth: int = 0) -> str | None:
    """Why a command line is refused, with what to do instead; None where it is not."""
    known = {"PWD": cwd, "HOME": places.home, "CLAUDE_PROJECT_DIR": places.root}
    try:
        commands = parse(command, known)
    except UnreadableError as error:
        return f"this command cannot be read ({error}); write it plainer"
    if depth > DEPTH:
        return "this command hides others too deeply; write it plainer"
    before: list[str] = []
    for simple in commands:
        words = simple.words
        if simple.piped and _unwrapped(words)[:1] == ["xargs"]:
            words = [*words, *before]
        for target in simple.writes:
            if place := places.holder(target, cwd):
                return _said(place, places)
        if words and (why := _one(words, simple, cwd, places, depth)):
            return why
        if words[:1] in (["cd"], ["pushd"]) and len(words) == 2:
            cwd = places.absolute(words[1], cwd)
        before = words
    return None


def _unwrapped(words: Sequence[str]) -> list[str]:
    """The command behind `env A=b`, `timeout 5`, `sudo -n` and the like."""
    rest = list(words)
    while rest and name_of(rest[0]) in WRAPPERS:
        rest.pop(0)
        while rest and (rest[0].startswith("-") or re.match(r"[A-Za-z_]\w*=|\d", rest[0])):
            rest.pop(0)
    return rest


def _one(words: Sequence[str], simple: Simple, cwd: str, places: Places, depth: int) -> str | None:
    rest = _unwrapped(words)
    if not rest:
        return None
    program, arguments = name_of(rest[0]), rest[1:]
    if program == "xargs":
        while arguments and arguments[0].startswith("-"):
            arguments = arguments[1:]
        return _one(arguments, simple, cwd, places, depth) if arguments else None
    if program == "eval":
        return refusal(" ".join(arguments), cwd, places, depth + 1)
    if program in SHELLS:
        inner = [after for word, after in itertools.pairwise(arguments) if re.fullmatch(r"-\w*c", word)]
        if inner or simple.fed:
            return refusal(inner[0] if inner else simple.fed, cwd, places, depth + 1)
    if program in ("uv", "uvx"):
        return _uv(arguments, simple, cwd, places, depth)
    if program == "git":
        return gitrules.refusal(arguments, cwd, places)
    if program == "autoresearch":
        return AUDIT if arguments[:1] == ["audit"] else None
    if re.fullmatch(r"pip[\d.]*|conda|mamba|poetry", program) or (re.match(r"python", program) and _modules(arguments)):
        verb = next((word for word in arguments if word in ("install", "uninstall", "add", "remove")), None)
        return PACKAGES if verb else None
    return _touching(program, arguments, simple, cwd, places)


def _modules(arguments: Sequence[str]) -> bool:
    return list(arguments[:2]) == ["-m", "pip"]


def _uv(arguments: Sequence[str], simple: Simple, cwd: str, places: Places, depth: int) -> str | None:
    if arguments[:1] == ["run"]:
        rest = list(arguments[1:])
        while rest and rest[0].startswith("-"):
            if rest.pop(0) in ("--with", "--extra", "--group", "--python", "-p", "-m", "--module") and rest:
                rest.pop(0)
        if rest and rest[0].endswith(".py"):
            rest = ["python", *rest]
        return _one(rest, simple, cwd, places, depth) if rest else None
    changing = arguments[:1] in (["add"], ["remove"], ["lock"])
    changing = changing or arguments[:2] in (["pip", "install"], ["pip", "uninstall"])
    return PACKAGES if changing else None


def _touching(program: str, arguments: Sequence[str], simple: Simple, cwd: str, places: Places) -> str | None:
    """A program that neither only reads nor is known here, with a protected name among its arguments."""
    if program in COPIERS:
        return _copied(arguments, cwd, places)
    if program == "find":
        return _find(arguments, cwd, places)
    if program in FORMATTERS and (program != "ruff" or {"format", "--fix"} & set(arguments)):
        paths = [word for word in arguments if not word.startswith("-") and word not in ("format", "check")] or ["."]
        place = next((p for word in paths if (p := places.holder(word, cwd) or places.beneath(word, cwd))), None)
        return _said(place, places) if place else None
    writes = program in WRITERS or _in_place(program, arguments)
    if program in READERS or (program in TEXT_READERS and not writes and not _writing_text(program, arguments, places)):
        return None
    if re.match(r"python", program) and arguments and arguments[0].endswith(".py"):
        arguments = arguments[1:]  # the script is run, not written
    for word in arguments:
        value = word.partition("=")[2] if "=" in word else word
        place = places.holder(word, cwd) or places.holder(value, cwd)
        if place is None and writes and not word.startswith("-"):
            place = places.beneath(word, cwd)
        if place and (writes or place not in places.explored):
            return _said(place, places)
    if place := places.mentioned("\n".join((*arguments, simple.fed))):
        return _said(place, places)
    if program in ("patch", "tar", "unzip") and places.beneath(".", cwd) and _extracts(program, arguments):
        return "this would write over files of the study; unpack outside the repository, and edit train.py by its name"
    return None


def _copied(arguments: Sequence[str], cwd: str, places: Places) -> str | None:
    """What a copy would write: its target, files of that name in it, and with whole folders all that lies in there."""
    names = [word for word in arguments if not word.startswith("-")]
    told = [after for word, after in itertools.pairwise(arguments) if word in ("-t", "--target-directory")]
    told += [word.partition("=")[2] for word in arguments if word.startswith("--target-directory=")]
    if not names:
        return None
    target = told[0] if told else names[-1]
    sources = [word for word in names if word != target]
    folders = any(re.match(r"-[a-zA-Z]*[rRa]|--recursive|--archive", word) for word in arguments)
    for word in (target, *(os.path.join(target, name_of(source)) for source in sources)):
        place = places.holder(word, cwd)
        if place is None and folders and word != target:
            place = places.beneath(word, cwd)
        if place:
            return _said(place, places)
    return None


def _in_place(program: str, arguments: Sequence[str]) -> bool:
    """Whether an option makes a reader of text write."""
    options = [word for word in arguments if word.startswith("-")]
    if program == "sort":
        return any(re.match(r"-\w*o|--output", word) for word in options)
    if program in TEXT_READERS:
        return any(re.match(r"-[a-zA-Z]*i|--in-place|--include", word) for word in options)
    return False


def _writing_text(program: str, arguments: Sequence[str], places: Places) -> bool:
    """Whether a protected name stands inside the program text of sed or awk, which can write files."""
    return program != "sort" and any(
        " " in word and re.search(r"[>w|]", word) and places.mentioned(word) for word in arguments
    )


def _extracts(program: str, arguments: Sequence[str]) -> bool:
    return program != "tar" or any(re.match(r"-?\w*x|--extract", word) for word in arguments[:1])


def _find(arguments: Sequence[str], cwd: str, places: Places) -> str | None:
    """`find` with an action that changes, over a protected place."""
    acting = [word for word in arguments if word in ("-delete", "-exec", "-execdir", "-ok", "-okdir")]
    acting += [word for word in arguments if word.startswith("-fprint") or word == "-fls"]
    after = [then for word, then in itertools.pairwise(arguments) if word in ("-exec", "-execdir")]
    reading = after and len(after) == len(acting) and all(name_of(word) in READERS for word in after)
    if not acting or reading:
        return None
    starts = []
    for word in arguments:
        if word.startswith(("-", "(", "!")):
            break
        starts.append(word)
    for word in starts or ["."]:
        if place := places.holder(word, cwd) or places.beneath(word, cwd):
            return _said(place, places)
    return None


def _said(place: str, places: Places) -> str:
    inside = place.startswith(places.root + "/")
    return f"{os.path.relpath(place, places.root) if inside else place}: {places.instead(place)}"
