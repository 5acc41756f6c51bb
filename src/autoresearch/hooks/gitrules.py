"""What git may do while a run is live: look, stage, and the by-hand steps of program.md."""

import itertools
import re
from collections.abc import Sequence

from autoresearch.hooks.places import Places, words_of

__all__ = ["refusal"]

LOOKING = words_of("""
    add blame cat-file check-ignore describe diff diff-tree for-each-ref grep hash-object help log ls-files ls-tree
    merge-base name-rev push rev-list rev-parse shortlog show show-ref status var version whatchanged
""")
"""Commands without effect on frozen bytes or local refs, whatever their arguments; a written file is checked apart."""
LISTING = {
    "branch": r"(--(list|show-current|all|verbose|contains|merged|sort|format)\b.*|-[avr]+)",
    "config": r"--(get|list|get-all|get-regexp)|-l",
    "reflog": r"show",
    "remote": r"-v|show|get-url",
    "stash": r"list|show",
    "symbolic-ref": r"-q|--quiet|--short|-[A-Za-z]*q",
    "tag": r"-l|--list|-n\d*",
    "worktree": r"list",
    "notes": r"list|show",
}
"""First arguments with which these only list."""
VALUED = ("-C", "-c", "--git-dir", "--work-tree", "--namespace")
BY_HAND = ("HEAD~1", "HEAD^", "HEAD~", "@~1", "@~", "@^")


def refusal(arguments: Sequence[str], cwd: str, places: Places) -> str | None:
    """Why these arguments of git are refused, with what to do instead; None where they are not."""
    rest, hooks = list(arguments), None
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in VALUED and rest:
            value = rest.pop(0)
            cwd = places.absolute(value, cwd) if option == "-C" else cwd
            hooks = value if option == "-c" and value.startswith("alias.") else hooks
    if not rest:
        return None
    verb, *rest = rest
    if hooks:
        return "git aliases given on the command line are not read here; give the command itself"
    if verb in LOOKING:
        written = [word.partition("=")[2] for word in rest if word.startswith("--output=")]
        written += [after for word, after in itertools.pairwise(rest) if word in ("--output", "-o")]
        touched = next((place for word in written if (place := places.holder(word, cwd))), None)
        return places.instead(touched) if touched else None
    if verb in LISTING and ((not rest and verb != "stash") or (rest and re.fullmatch(LISTING[verb], rest[0]))):
        return None
    if verb == "symbolic-ref" and rest == ["HEAD"]:
        return None
    if verb in ("checkout", "restore"):
        return _restored(verb, rest, cwd, places)
    if verb == "reset" and _by_hand_reset(rest, cwd, places):
        return None
    if verb == "commit" and "--amend" not in rest:
        return None
    if verb == "fetch" and not any(":" in word and "://" not in word and "@" not in word for word in rest):
        return None
    if verb == "clean" and any(word == "--dry-run" or re.fullmatch(r"-[a-zA-Z]*n[a-zA-Z]*", word) for word in rest):
        return None
    return (
        f"git {verb} can move the run's refs or replace its files; use `uv run autoresearch step`, or "
        "`uv run autoresearch checkout N` for an earlier version"
    )


def _restored(verb: str, rest: Sequence[str], cwd: str, places: Places) -> str | None:
    """`git checkout` and `git restore`: train.py from anywhere, frozen files from the run's own branch."""
    source, paths, options = None, list[str](), True
    words = iter(rest)
    for word in words:
        if word == "--":
            options = False
            if verb == "checkout" and paths:
                source, paths = paths[-1], []
        elif options and word.startswith(("--source=", "-s=")):
            source = word.partition("=")[2]
        elif options and word in ("--source", "-s"):
            source = next(words, None)
        elif options and word.startswith("-"):
            if word not in ("-q", "--quiet", "--worktree", "-W", "--staged", "-S", "--source"):
                return _elsewhere(verb)
        else:
            paths.append(word)
    own = source in (f"autoresearch/{places.tag}", f"refs/heads/autoresearch/{places.tag}")
    for path in paths:
        if places.absolute(path, cwd) == places.editable or (own and places.holder(path, cwd) in places.files):
            continue
        return _elsewhere(verb)
    return None if paths else _elsewhere(verb)


def _elsewhere(verb: str) -> str:
    return (
        f"git {verb} may bring back train.py, and a frozen file from the run's own branch, each by its name; "
        "leaving the branch is a person's: `uv run autoresearch stop` comes first"
    )


def _by_hand_reset(rest: Sequence[str], cwd: str, places: Places) -> bool:
    """Whether a reset unstages, or is the by-hand revert of program.md."""
    words = [word for word in rest if word not in ("-q", "--quiet", "--")]
    if words and words[0] == "--keep":
        return len(words) == 2 and words[1] in BY_HAND
    return all(word == "HEAD" or places.absolute(word, cwd) == places.editable for word in words)
