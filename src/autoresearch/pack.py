"""The face and the pack, laid down in a repository of one's own: nothing that is there is overwritten.

The files are this project's own. A wheel carries them in a folder of the package (see pyproject.toml); in a checkout
they lie where they belong, at its root.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import autoresearch
from autoresearch.errors import AutoresearchError
from autoresearch.files import write_whole

__all__ = ["Laid", "dependency", "lay", "merged"]

FACE = ("program.md", "prepare.py", "train.py", "study.toml")
FOLDERS = (".claude/commands", ".claude/agents", ".claude/hooks")
SETTINGS, BESIDE = ".claude/settings.json", ".claude/settings.autoresearch.json"
IGNORED = ("/data/", "/runs/", "/results.tsv", "/run.log", ".venv/", "__pycache__/")
HINTS = "## Domain hints"
NO_HINTS = """## Domain hints

This section belongs to the study; whoever changes the study rewrites it.

Nothing is written here yet: what the columns mean, their units, codes that look like sizes, known pitfalls.
"""
PYPROJECT = """[project]
name = "{name}"
version = "0"
requires-python = "{python}"
dependencies = [{dependency}]
"""


@dataclass
class Laid:
    """What became of each file, and what is left to do.

    Parameters
    ----------
    written, added
        Files that are new, and files of the person's that got what they lacked.
    left
        Files that were there and differ: they are as they were.
    todo
        What a person does by hand, a line each.
    """

    written: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)

    @property
    def places(self) -> list[str]:
        """The new files in short: a folder in place of its files."""
        return list(dict.fromkeys(next((f for f in FOLDERS if name.startswith(f)), name) for name in self.written))


def origin() -> Path:
    """Where the files lie that are laid down.

    Raises
    ------
    AutoresearchError
        This installation was built without them.
    """
    package = Path(autoresearch.__file__).parent
    for folder in (package / "pack", package.parents[1]):
        if (folder / SETTINGS).is_file():
            return folder
    raise AutoresearchError(f"{package} was installed without the pack; install autoresearch from its repository")


def lay(root: Path, *, own_table: bool) -> Laid:
    """Lay face and pack down in `root`.

    Parameters
    ----------
    own_table
        Whether prepare.py will write study.toml for a table of the person's; otherwise the bundled study is laid down.
    """
    laid, source = Laid(), origin()
    for name, text in _files(source, own_table=own_table):
        path = root / name
        if not path.exists():
            write_whole(path, text.encode())
            laid.written.append(name)
        elif path.read_bytes() != text.encode():
            laid.left.append(name)
    _settings(root, (source / SETTINGS).read_text(encoding="utf-8"), laid)
    _ignore(root, laid)
    _engine(root, laid)
    return laid


def _files(source: Path, *, own_table: bool) -> Iterator[tuple[str, str]]:
    for name in FACE:
        text = (source / name).read_text(encoding="utf-8")
        if own_table and name == "study.toml":
            continue
        if own_table and name == "program.md":
            text = text[: text.index(HINTS)] + NO_HINTS
        yield name, text
    for folder in FOLDERS:
        for path in sorted((source / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(source).as_posix(), path.read_text(encoding="utf-8")


# What is merged


def _settings(root: Path, ours: str, laid: Laid) -> None:
    path = root / SETTINGS
    if not path.exists():
        write_whole(path, ours.encode())
        laid.written.append(SETTINGS)
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        theirs = None
    both = merged(theirs, json.loads(ours))
    if both is None:
        write_whole(root / BESIDE, ours.encode())
        laid.left.append(SETTINGS)
        laid.todo.append(f"add to {SETTINGS} what {BESIDE} has: env, permissions and hooks")
    elif both != theirs:
        write_whole(path, (json.dumps(both, indent=2, ensure_ascii=False) + "\n").encode())
        laid.added.append(SETTINGS)


def merged(theirs: Any, ours: dict[str, Any]) -> dict[str, Any] | None:
    """Settings of the client that hold all of `theirs` and all of `ours`; None where the two contradict each other.

    Lists get what they lack, at their end; a value that both have must be the same.
    """
    if not isinstance(theirs, dict):
        return None
    both = dict(theirs)
    for key, value in ours.items():
        if key == "$schema" or key not in both:
            both.setdefault(key, value)
        elif isinstance(value, dict):
            inner = merged(both[key], value)
            if inner is None:
                return None
            both[key] = inner
        elif isinstance(value, list) and isinstance(both[key], list):
            both[key] = both[key] + [item for item in value if item not in both[key]]
        elif both[key] != value:
            return None
    return both


def _ignore(root: Path, laid: Laid) -> None:
    path = root / ".gitignore"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    lacking = [line for line in IGNORED if line not in before.splitlines()]
    if lacking:
        gap = "" if not before or before.endswith("\n") else "\n"
        write_whole(path, (before + gap + "\n".join(lacking) + "\n").encode())
        (laid.added if before else laid.written).append(".gitignore")


# What provides the engine


def _engine(root: Path, laid: Laid) -> None:
    path = root / "pyproject.toml"
    wanted = dependency()
    if not path.exists():
        name = re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-") or "study"
        name = f"{name}-study" if name == "autoresearch" else name  # a project cannot depend on its own name
        python = metadata.metadata("autoresearch")["Requires-Python"]
        text = PYPROJECT.format(name=name, python=python, dependency=json.dumps(wanted))
        write_whole(path, text.encode())
        laid.written.append("pyproject.toml")
    elif not _depends(path):
        laid.todo.append(f'uv add "{wanted}"')


def _depends(path: Path) -> bool:
    """Whether a pyproject.toml names the engine among its dependencies, or is the engine's own."""
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
    names = [project.get("name", ""), *project.get("dependencies", [])]
    return any(re.match(r"autoresearch\b(?![-_.])", name) for name in names)


def dependency() -> str:
    """The requirement that installs this very engine: from where this one was installed (PEP 610), or by its name."""
    told = metadata.distribution("autoresearch").read_text("direct_url.json")
    if told is None:
        return "autoresearch"
    found = json.loads(told)
    url = found["url"]
    if "vcs_info" in found:
        url = f"{found['vcs_info']['vcs']}+{url}@{found['vcs_info']['commit_id']}"
    if "subdirectory" in found:
        url = f"{url}#subdirectory={found['subdirectory']}"
    return f"autoresearch @ {url}"
