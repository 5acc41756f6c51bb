"""A night's attempts: what became of one, and what to do after it. Pure: time comes in as a number."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from textwrap import shorten
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autoresearch.hooks.stop import MOST_FAILURES

__all__ = ["Attempt", "Ending", "Limits", "Move", "Standing", "classify", "decide", "reset_time", "spent"]

MARGIN = 60.0  # seconds after a limit's reset: clocks differ
BACK_OFF = {"unavailable": (30.0, 900.0), "limit": (900.0, 3600.0), "crashed": (10.0, 600.0), "done": (5.0, 60.0)}
"""First and longest wait, in seconds; it doubles with each such ending since the last trial."""
CRASHES, TURNS = 8, 3  # so many crashes, or turns without a trial, since the last trial end the night
FRESH = 3  # every so many crashes, and after a turn without a trial, a fresh conversation is begun

_WAIT = dict.fromkeys(("connection_failed", "stream_idle_timeout", "computer_slept"), "unavailable")
_MEND = dict.fromkeys(
    (
        "stored_login_refused",
        "oauth_refresh_store_refused",
        "api_key_auth_disabled",
        "org_disabled_credential",
        "invalid_credential_header",
        "model_requires_usage_credits",
    ),
    "login",
)
_KINDS = {"usage_limit_reached": "limit", **_WAIT, **_MEND}
"""The client's own names of an API error, `api_error` in its result; the words below are for versions without it."""
_LIMIT = re.compile(
    r"usage limit|(?<!context )(?<!rate )limit reached|hit your [\w -]*limit|out of (?:\w+ )?usage", re.IGNORECASE
)
_LOGIN = re.compile(
    r"invalid api key|not logged in|/login|authentication|oauth|credit balance|api key .*(?:disabled|expired)",
    re.IGNORECASE,
)
_LOST = re.compile(r"no conversation found|session id .* already in use", re.IGNORECASE)
_EPOCH = re.compile(r"\|\s*(\d{10})\b")
_IN = re.compile(r"resets? in (?:(\d+)\s*d\w*)?\s*(?:(\d+)\s*h\w*)?\s*(?:(\d+)\s*m\w*)?", re.IGNORECASE)
_AT = re.compile(
    r"resets?\s+(?:at\s+)?(?:on\s+)?(?:([A-Z][a-z]{2})[a-z]*\s+(\d{1,2}),?\s+(?:at\s+)?)?"
    r"(\d{1,2})(?::(\d{2}))?\s*([ap]m)?(?:\s*\(([\w/+-]+)\))?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Ending(StrEnum):
    """How an attempt of the client ended."""

    DONE = "done"
    LIMIT = "limit"
    UNAVAILABLE = "unavailable"
    CRASHED = "crashed"
    LOGIN = "login"


@dataclass(frozen=True)
class Attempt:
    """What is known of an attempt once it ended.

    Parameters
    ----------
    said
        What the client said of it, in one line.
    cost
        What its conversation has cost so far, in dollars; None where the client could not say.
    resets
        When a usage limit ends, in seconds since the epoch; None where unknown.
    lost
        The conversation is not there any more.
    """

    ending: Ending
    said: str
    cost: float | None = None
    resets: float | None = None
    lost: bool = False


@dataclass(frozen=True)
class Limits:
    """What a night may use; None leaves it to the run's own budget."""

    hours: float | None = None
    iterations: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Standing:
    """Where the night stands after an attempt.

    Parameters
    ----------
    now, deadline
        Seconds since the epoch.
    iterations, usd
        Used in this night.
    ended
        Why the run is over; None while it is live.
    barren
        How attempts since the last trial ended, this one included unless it made a trial.
    crashed
        Trials of this night that crashed in a row, up to now.
    """

    now: float
    deadline: float
    iterations: int
    usd: float
    ended: str | None
    barren: Counter[Ending]
    crashed: int = 0


@dataclass(frozen=True)
class Move:
    """What to do next: stop, for good or for ill, or wait and go on, maybe in a fresh conversation."""

    why: str
    stop: bool = False
    well: bool = True
    wait: float = 0.0
    fresh: bool = False


def classify(code: int, out: str, err: str, now: datetime) -> Attempt:
    """Read what the client left: its exit code, its JSON result, its last words.

    Parameters
    ----------
    now
        With a time zone: clock times in messages are taken in it.
    """
    result = _result(out)
    words = f"{err}\n{out}".strip()
    if result:
        words = str(result.get("result") or "\n".join(map(str, result.get("errors") or ())))
    last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "")
    said = shorten(last, 200, placeholder="…")
    if result is None:
        said = f"the client ended with code {code}" + (f": {said}" if said else "")
        return Attempt(_kind(words, None), said, None, reset_time(words, now), bool(_LOST.search(words)))
    cost = result.get("total_cost_usd")
    cost = float(cost) if isinstance(cost, int | float) else None
    if not result.get("is_error") or result.get("subtype") in ("error_max_budget_usd", "error_max_turns"):
        return Attempt(Ending.DONE, f"{said}{_denials(result)}".strip(), cost)
    status = result.get("api_error_status")
    said = said or str(result.get("terminal_reason") or result.get("subtype") or "an error")
    named = _KINDS.get(str(result.get("api_error")))
    ending = Ending(named) if named else _kind(words, status if isinstance(status, int) else None)
    resets = _told(out) or reset_time(words, now)
    return Attempt(ending, said, cost, resets, bool(_LOST.search(words)))


def _result(out: str) -> dict[str, Any] | None:
    """The client's last word on its turn."""
    return next(_events(out, "result"), None)


def _told(out: str) -> float | None:
    """When the limit ends by which the client's last request was rejected."""
    event = next(_events(out, "rate_limit_event"), {})
    info = event.get("rate_limit_info")
    resets = info.get("resetsAt") if isinstance(info, dict) and info.get("status") == "rejected" else None
    return float(resets) if isinstance(resets, int | float) else None


def _events(out: str, kind: str) -> Iterator[dict[str, Any]]:
    """The client's messages of one kind, the last one first: a JSON object a line."""
    for line in reversed(out.splitlines()):
        if f'"{kind}"' in line:  # a night's output is long
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and found.get("type") == kind:
                    yield found


def _denials(result: dict[str, Any]) -> str:
    """What the client was not allowed to do: the usual reason of a turn without a trial."""
    denied = [d for d in result.get("permission_denials") or () if isinstance(d, dict)]
    names = [str((d.get("tool_input") or {}).get("command") or d.get("tool_name")) for d in denied]
    return f" (denied: {shorten('; '.join(names), 200, placeholder='…')})" if names else ""


def _kind(words: str, status: int | None) -> Ending:
    if _LIMIT.search(words) and status in (None, 400, 403, 429):
        return Ending.LIMIT
    if status in (401, 403) or (status in (None, 400) and _LOGIN.search(words)):
        return Ending.LOGIN
    if status == 429 or (status is not None and status >= 500) or (status is None and "overloaded" in words.lower()):
        return Ending.UNAVAILABLE
    return Ending.CRASHED


def reset_time(words: str, now: datetime) -> float | None:
    """When a usage limit ends: `|1767225600`, `resets in 2h 5m`, `resets 3pm (Europe/Berlin)`, `resets Nov 2, 3pm`."""
    if found := _EPOCH.search(words):
        return float(found[1])
    if (found := _IN.search(words)) and any(found.groups()):
        days, hours, minutes = (int(group or 0) for group in found.groups())
        return (now + timedelta(days=days, hours=hours, minutes=minutes)).timestamp()
    if found := _AT.search(words):
        month, day, hour, minute, half, zone = found.groups()
        return _next(now.astimezone(_zone(zone, now)), month, day, int(hour), int(minute or 0), half)
    return None


def _next(now: datetime, month: str | None, day: str | None, hour: int, minute: int, half: str | None) -> float | None:
    """The next moment that a clock, and a calendar where given, show this."""
    if half:
        hour = hour % 12 + 12 * (half.lower() == "pm")
    try:
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if month and day:
            then = then.replace(month=_MONTHS.index(month.lower()) + 1, day=int(day))
            return (then if then > now - timedelta(days=1) else then.replace(year=then.year + 1)).timestamp()
    except ValueError:
        return None
    return (then if then > now else then + timedelta(days=1)).timestamp()


def _zone(name: str | None, now: datetime) -> tzinfo:
    try:
        return ZoneInfo(name) if name else now.tzinfo or UTC
    except (ZoneInfoNotFoundError, ValueError):
        return now.tzinfo or UTC


def decide(attempt: Attempt, limits: Limits, at: Standing) -> Move:
    """What to do after an attempt."""
    if over := spent(limits, at):
        return Move(over, stop=True)
    count = max(1, at.barren[attempt.ending])
    first, longest = BACK_OFF.get(attempt.ending, (0.0, 0.0))
    wait = min(first * 2 ** min(count - 1, 20), longest)
    if attempt.ending is Ending.LOGIN:
        why = f"the client cannot work: {attempt.said}; log in (claude, then /login) and give the command again"
        return Move(why, stop=True, well=False)
    if at.crashed >= MOST_FAILURES:
        return Move(f"{at.crashed} trials crashed in a row: look with `autoresearch doctor`", stop=True, well=False)
    if attempt.ending is Ending.DONE:
        if not at.barren[Ending.DONE]:
            return Move("goes on")
        if count >= TURNS:
            return Move(f"{TURNS} turns in a row without a trial: {attempt.said}", stop=True, well=False)
        return Move(f"the client ended its turn without a trial: {attempt.said}", wait=wait, fresh=True)
    if attempt.ending is Ending.CRASHED and count >= CRASHES:
        return Move(f"{CRASHES} crashes of the client without a trial: {attempt.said}", stop=True, well=False)
    if attempt.ending is Ending.LIMIT and attempt.resets is not None and attempt.resets > at.now - 3600:
        wait = max(attempt.resets + MARGIN - at.now, MARGIN)
    if at.now + wait >= at.deadline:
        return Move(f"the night ends before it is worth going on: {attempt.said}", stop=True)
    fresh = attempt.lost or (attempt.ending is Ending.CRASHED and count % FRESH == 0)
    return Move(f"{attempt.ending}: {attempt.said}", wait=wait, fresh=fresh)


def spent(limits: Limits, at: Standing) -> str | None:
    """Why the night is over: the run's end, or a budget; None while it goes on."""
    if at.ended is not None:
        return f"the run has ended: {at.ended}"
    if limits.iterations is not None and at.iterations >= limits.iterations:
        return f"the night's budget of {limits.iterations} iterations is spent"
    if limits.usd is not None and at.usd >= limits.usd:
        return f"the night's budget of {limits.usd:g} USD is spent ({at.usd:.2f})"
    if at.now >= at.deadline:
        return "the night's time is over"
    return None
