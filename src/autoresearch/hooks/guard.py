"""The guard: may this tool call be made while the run is live? Pure; the answer is a reason with a way out, or None."""

import os.path
import re

from autoresearch.hooks import programs
from autoresearch.hooks.events import Event
from autoresearch.hooks.places import Places
from autoresearch.hooks.shell import UnreadableError, parse

__all__ = ["claim", "refusal"]


def refusal(event: Event, places: Places) -> str | None:
    """Why a tool call is refused, with what to do instead; None where it may go on."""
    if event.tool == "Bash":
        return programs.refusal(event.command, event.cwd, places)
    for name in ("file_path", "notebook_path", "path"):
        if (path := event.given.get(name)) and (place := places.holder(str(path), event.cwd)):
            shown = os.path.relpath(place, places.root) if place.startswith(places.root + "/") else place
            return f"{shown}: {places.instead(place)}"
    return None


def claim(event: Event) -> str | None:
    """The run that a tool call begins; an empty text where it resumes the one checked out, None for anything else."""
    if "autoresearch" not in event.command:
        return None
    try:
        commands = parse(event.command)
    except UnreadableError:
        return None
    for simple in commands:
        said = re.search(r"(?:^|/| )autoresearch (start|resume)(?: ([\w.-]+))?(?: |$)", " ".join(simple.words))
        if said and (said[1] == "resume" or said[2]):
            return said[2] if said[1] == "start" else ""
    return None
