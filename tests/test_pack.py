"""The pack's files: a malformed one silently drops the guards, so each is read here as the client reads it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from autoresearch import cli
from autoresearch.hooks.__main__ import HOOKS

REPOSITORY = Path(__file__).resolve().parents[1]
PACK = REPOSITORY / ".claude"
COMMANDS = sorted((PACK / "commands").rglob("*.md"))
AGENTS = sorted((PACK / "agents").glob("*.md"))
TEXTS = [*COMMANDS, *AGENTS, *REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
TOOLS = {"Read", "Edit", "Write", "Bash", "Grep", "Glob", "Agent"}
EVENTS = {"PreToolUse", "PostToolUse", "Stop", "SubagentStop", "SessionStart"}


def frontmatter(path: Path) -> dict[str, str]:
    """Keys and values between the first two lines of dashes."""
    found = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{path.name} has no frontmatter"
    lines = found[1].splitlines()
    assert all(re.match(r"[a-z-]+: \S", line) for line in lines), f"{path.name}: one `key: value` a line"
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def settings() -> dict[str, Any]:
    """settings.json."""
    found = json.loads((PACK / "settings.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def rules(text: str) -> list[str]:
    """Rules of an `allowed-tools` list, commas inside parentheses left alone."""
    return [rule.strip() for rule in re.split(r",(?![^(]*\))", text)]


def well_formed(rule: str) -> bool:
    """Whether a permission rule names a tool, and for a shell the program that it may run."""
    found = re.fullmatch(r"(\w+)(?:\(([^()]+)\))?", rule)
    return bool(found and found[1] in TOOLS and (found[1] not in ("Bash", "Edit", "Write") or found[2]))


def verbs() -> set[str]:
    """Verbs of the command line."""
    return set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_commands_are_short_narrow_and_point_to_the_program(path: Path) -> None:
    """A command has a description, narrow tools, under 60 lines, and names program.md as the canonical text."""
    keys = frontmatter(path)
    assert keys.keys() <= {"description", "argument-hint", "allowed-tools"}
    assert keys["description"][0].isupper()
    assert all(well_formed(rule) for rule in rules(keys["allowed-tools"])), keys["allowed-tools"]
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert "program.md" in text


def test_inline_commands_are_allowed_by_their_own_page() -> None:
    """A command that the client runs before the model sees the page aborts it where it is not allowed."""
    for path in COMMANDS:
        for inline in re.findall(r"(?<=\s)!`(\w+)", path.read_text(encoding="utf-8")):
            assert f"Bash({inline}:*)" in frontmatter(path)["allowed-tools"], path.name


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_agents_have_what_the_client_needs(path: Path) -> None:
    """An agent's name is its file's, its description says when to use it, its tools exist."""
    keys = frontmatter(path)
    assert keys.keys() == {"name", "description", "tools", "model"}
    assert keys["name"] == path.stem
    assert keys["description"].startswith("Use when ")
    assert set(keys["tools"].split(", ")) <= TOOLS
    assert keys["model"] in ("opus", "inherit")


def test_settings_have_the_shape_that_the_client_reads() -> None:
    """Known keys, known events, well-formed rules: one mistake would drop all of them without a word."""
    found = settings()
    assert found.keys() == {"$schema", "env", "permissions", "hooks"}
    assert all(isinstance(value, str) for value in found["env"].values())
    assert found["permissions"].keys() == {"allow", "deny"}
    for rule in (*found["permissions"]["allow"], *found["permissions"]["deny"]):
        assert well_formed(rule), rule
    assert found["hooks"].keys() == EVENTS
    for event, groups in found["hooks"].items():
        for group in groups:
            assert group.keys() <= {"matcher", "hooks"}
            assert ("matcher" in group) == (event in ("PreToolUse", "PostToolUse", "SessionStart"))
            for hook in group["hooks"]:
                assert hook.keys() == {"type", "command", "timeout"}
                assert hook["type"] == "command"
                assert re.search(r'/\.claude/hooks/launch" (\w+)', hook["command"])[1] in HOOKS  # type: ignore[index]


def test_the_guard_sees_every_tool_that_writes_and_fails_closed() -> None:
    """Its matcher names them, and a launcher that cannot even start refuses."""
    (group,) = settings()["hooks"]["PreToolUse"]
    assert set(group["matcher"].split("|")) == {"Bash", "Edit", "Write", "MultiEdit", "NotebookEdit"}
    assert group["hooks"][0]["command"].endswith(" guard || exit 2")


def test_the_sealed_rows_and_the_ledger_are_denied() -> None:
    """The static rules hold without the hooks; only `Edit` and `Read` rules block anything."""
    denied = settings()["permissions"]["deny"]
    assert {"Read(~/.local/share/autoresearch/**)", "Edit(/.git/autoresearch/**)"} <= set(denied)
    assert "Bash(uv run autoresearch audit:*)" in denied
    assert not any(rule.startswith("Write(") for rule in denied)


def test_the_launcher_is_a_shell_script_without_mistakes() -> None:
    """The shell reads it."""
    subprocess.run(["sh", "-n", PACK / "hooks" / "launch"], check=True)


def test_the_plugin_names_every_file_of_the_pack() -> None:
    """The manifest's paths exist and leave out no command and no agent; nothing is copied."""
    manifest = json.loads((REPOSITORY / ".claude-plugin" / "plugin.json").read_text(encoding="utf-8"))
    market = json.loads((REPOSITORY / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))
    assert market["plugins"][0]["name"] == manifest["name"]
    named = [REPOSITORY / path for path in (*manifest["commands"], *manifest["agents"])]
    files = {file for path in named for file in (path.glob("*.md") if path.is_dir() else [path])}
    assert files == {*COMMANDS, *AGENTS}
    assert (REPOSITORY / manifest["hooks"]).samefile(PACK / "settings.json")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_verb_that_a_text_names_exists(path: Path) -> None:
    """Whoever follows a page finds each `autoresearch VERB` of it."""
    named = set(re.findall(r"uv run autoresearch ([a-z]+)(?![a-z._])", path.read_text(encoding="utf-8")))
    missing = named - verbs()
    assert not missing, f"{path.name} names {missing}"


def test_allowed_verbs_exist() -> None:
    """The permission list names no verb that is not there."""
    named = {rule.split()[3].rstrip("):*") for rule in settings()["permissions"]["allow"] if "run autoresearch" in rule}
    assert not named - verbs()
