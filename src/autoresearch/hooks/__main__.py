"""Answers one event of the coding client: ``python -I -m autoresearch.hooks NAME``, the event on stdin.

The launcher `.claude/hooks/launch` calls it, and turns any failure of the guard into a refusal.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from autoresearch.hooks import brief, guard, state, stop
from autoresearch.hooks.guard import Event
from autoresearch.hooks.stop import Watch

SECONDS = 5  # then the guard ends itself, and the launcher refuses


def main(name: str) -> None:
    """Read the event, find the run, print the answer."""
    signal.alarm(SECONDS)
    event = Event.read(json.load(sys.stdin))
    found = state.look(Path(os.environ.get("CLAUDE_PROJECT_DIR") or event.cwd))
    if found is not None and (answer := HOOKS[name](event, found)):
        sys.stdout.write(json.dumps(answer))


def _guard(event: Event, found: state.Found) -> dict[str, Any] | None:
    run = found.run()
    if run and run.ended is None and (why := guard.refusal(event, found.places(run))):
        answer = {"hookEventName": "PreToolUse", "permissionDecision": "deny"}
        return {"hookSpecificOutput": answer | {"permissionDecisionReason": f"autoresearch: {why}"}}
    return None


def _claim(event: Event, found: state.Found) -> None:
    """Note who runs the loop, once the command that says so has worked: a refused or denied one changes nothing."""
    run, claimed = found.run(), guard.claim(event)
    if run and run.ended is None and claimed and claimed.tag in ("", run.tag):
        found.remember(run.tag, Watch(event.session, event.agent))


def _stop(event: Event, found: state.Found) -> dict[str, Any] | None:
    view = found.history()
    if view is None:
        return None
    history, ended = view
    watch = found.watch(history.run.tag)
    answer = stop.decide(event, watch, history, ended)
    if answer.watch and answer.watch != watch:
        found.remember(history.run.tag, answer.watch)
    if answer.block:
        return {"decision": "block", "reason": answer.block}
    return {"systemMessage": answer.notice} if answer.notice else None


def _brief(event: Event, found: state.Found) -> dict[str, Any] | None:
    view = found.history()
    if view is None:
        return None
    history, ended = view
    context = brief.text(event, found.watch(history.run.tag), history, ended)
    return {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": context}}


HOOKS = {"guard": _guard, "claim": _claim, "stop": _stop, "brief": _brief}

if __name__ == "__main__":
    main(sys.argv[1])
