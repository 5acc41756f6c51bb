"""The guard: may this tool call be made while the run is live? Pure; the answer is a reason with a way out, or None."""

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoresearch.hooks import programs
from autoresearch.hooks.places import Places
from autoresearch.hooks.shell import UnreadableError, parse

__all__ = ["Claim", "Event", "claim", "refusal"]


@dataclass(frozen=True)
class Event:
    """What the client tells a hook.

    Parameters
    ----------
    session, agent
        Who calls: the conversation, and the subagent in it or an empty text.
    cwd
        The client's current folder.
    tool, given
        The tool and its input; empty for events of the session.
    source
        Why a session starts: startup, resume, clear, compact.
    """

    session: str = ""
    agent: str = ""
    cwd: str = "."
    tool: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Event":
        """Take what the client wrote on standard input."""
        return cls(
            session=str(raw.get("session_id", "")),
            agent=str(raw.get("agent_id") or ""),
            cwd=str(raw.get("cwd") or "."),
            tool=str(raw.get("tool_name", "")),
            given=raw.get("tool_input") or {},
            source=str(raw.get("source", "")),
        )


@dataclass(frozen=True)
class Claim:
    """A session's word that it will run the loop: it began the run `tag`, or resumed the one checked out (empty)."""

    tag: str


def refusal(event: Event, places: Places) -> str | None:
    """Why a tool call is refused, with what to do instead; None where it may go on."""
    if event.tool == "Bash":
        return programs.refusal(str(event.given.get("command", "")), event.cwd, places)
    for name in ("file_path", "notebook_path", "path"):
        if (path := event.given.get(name)) and (place := places.holder(str(path), event.cwd)):
            shown = os.path.relpath(place, places.root) if place.startswith(places.root + "/") else place
            return f"{shown}: {places.instead(place)}"
    return None


def claim(event: Event) -> Claim | None:
    """Whether a tool call begins or resumes a run."""
    command = str(event.given.get("command", "")) if event.tool == "Bash" else ""
    if "autoresearch" not in command:
        return None
    try:
        commands = parse(command)
    except UnreadableError:
        return None
    for simple in commands:
        said = re.search(r"(?:^|/| )autoresearch (start|resume)(?: ([\w.-]+))?(?: |$)", " ".join(simple.words))
        if said and (said[1] == "resume" or said[2]):
            return Claim(said[2] if said[1] == "start" else "")
    return None
