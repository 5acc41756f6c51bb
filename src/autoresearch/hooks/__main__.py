"""Answers one event of the coding client: ``python -I -m autoresearch.hooks NAME WHERE...``, the event on stdin.

The launcher `.claude/hooks/launch` calls it on a run's branch, with what git says of the place, and turns any failure
of the guard into a refusal. Each hook imports what it needs, and no more.
"""

import gc
import json
import os
import signal
import sys

from autoresearch.hooks import state
from autoresearch.hooks.events import Event, Watch
from autoresearch.hooks.state import Here

SECONDS = 5  # then the guard ends itself, and the launcher refuses


def main(name: str, *where: str) -> None:
    """Read the event, print the answer."""
    gc.disable()  # nothing lives long enough here to be collected: a fifth of the time
    signal.alarm(SECONDS)
    if answer := HOOKS[name](Event.read(json.load(sys.stdin)), Here(*where)):
        sys.stdout.write(json.dumps(answer))


def _guard(event: Event, here: Here) -> dict[str, object] | None:
    from autoresearch.hooks import guard

    run = here.run()
    if run and run["ended"] is None and (why := guard.refusal(event, here.places(run))):
        answer = {"hookEventName": "PreToolUse", "permissionDecision": "deny"}
        return {"hookSpecificOutput": answer | {"permissionDecisionReason": f"autoresearch: {why}"}}
    return None


def _claim(event: Event, here: Here) -> None:
    """Note who runs the loop, once the command that says so has worked: a refused or denied one changes nothing."""
    from autoresearch.hooks import guard

    run, tag = here.run(), guard.claim(event)
    if run and run["ended"] is None and tag in ("", here.tag):
        state.remember(here.folder, here.tag, Watch(event.session, event.agent))


def _stop(event: Event, here: Here) -> dict[str, object] | None:
    watch = state.watch(here.folder, here.tag)
    if watch is None or not watch.holds(event):
        return None  # nearly every session: it is not asked where the run stands
    import time

    from autoresearch.hooks import stop, tally

    answer = stop.decide(event, watch, tally.read(here, time.time(), 0))
    if answer.watch and answer.watch != watch:
        state.remember(here.folder, here.tag, answer.watch)
    if answer.block:
        return {"decision": "block", "reason": answer.block}
    return {"systemMessage": answer.notice} if answer.notice else None


def _brief(event: Event, here: Here) -> dict[str, object] | None:
    import time

    from autoresearch.hooks import brief, tally

    at = tally.read(here, time.time(), brief.LAST)
    if at is None:
        return None
    context = brief.text(event, state.watch(here.folder, here.tag), at)
    return {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": context}}


HOOKS = {"guard": _guard, "claim": _claim, "stop": _stop, "brief": _brief}

if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # the system takes down what is left faster than the interpreter
