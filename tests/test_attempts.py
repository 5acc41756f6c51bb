"""A night's attempts: what the client's output says, and what is done about it."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from autoresearch.attempts import (
    BACK_OFF,
    CRASHES,
    FRESH,
    MARGIN,
    TURNS,
    Attempt,
    Ending,
    Limits,
    Standing,
    classify,
    decide,
    reset_time,
)
from autoresearch.hooks.stop import MOST_FAILURES

NOW = datetime(2026, 11, 21, 2, 30, tzinfo=timezone(timedelta(hours=1)))
LIVE = Standing(1000.0, 1e6, 0, 0.0, None, Counter())


def result(**changes: Any) -> str:
    """The client's JSON, as measured, with `changes`."""
    usual = {"type": "result", "subtype": "success", "is_error": False, "api_error_status": None}
    return json.dumps(usual | {"total_cost_usd": 0.5, "result": "hi", "permission_denials": []} | changes)


def failed(status: int | None, said: str) -> Attempt:
    """How an API error with this status and text is understood."""
    return classify(1, result(is_error=True, api_error_status=status, result=said), "", NOW)


@pytest.mark.parametrize(
    ("status", "said", "ending"),
    [
        (529, "API Error: 529 Overloaded. This is a server-side issue, usually temporary", Ending.UNAVAILABLE),
        (500, "API Error: 500 Internal", Ending.UNAVAILABLE),
        (429, "API Error: Request rejected (429) · rate limited", Ending.UNAVAILABLE),
        (429, "You've hit your session limit · resets 3pm (Europe/Berlin)", Ending.LIMIT),
        (429, "You've hit your limit · resets Nov 22, 3pm (UTC)", Ending.LIMIT),
        (None, "Claude AI usage limit reached|1795300000", Ending.LIMIT),
        (401, "Invalid API key · Fix external API key", Ending.LOGIN),
        (403, "forbidden", Ending.LOGIN),
        (400, "Credit balance is too low", Ending.LOGIN),
        (400, "prompt is too long", Ending.CRASHED),
        (404, "no such model", Ending.CRASHED),
        (None, "Context limit reached", Ending.CRASHED),
        (None, None, Ending.CRASHED),
    ],
)
def test_error_is_understood(status: int | None, said: str, ending: Ending):
    """An API error is told by its status and text; the conversation's cost is read in any case."""
    found = failed(status, said)
    assert (found.ending, found.cost) == (ending, 0.5)
    assert found.said


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("usage_limit_reached", Ending.LIMIT),
        ("connection_failed", Ending.UNAVAILABLE),
        ("api_key_auth_disabled", Ending.LOGIN),
        ("a_name_of_next_year", Ending.CRASHED),
    ],
)
def test_the_clients_own_name_of_an_error_goes_before_its_words(name: str, ending: Ending):
    """Where the client names the error its text does not matter; an unknown name is as none."""
    found = classify(1, result(is_error=True, api_error=name, result="words of any language"), "", NOW)
    assert found.ending is ending


def limited(**info: Any) -> Attempt:
    """A conversation that met a limit, and whose last request another one rejected as `info` says."""
    events = [{"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1}}]
    events.append({"type": "rate_limit_event", "rate_limit_info": info})
    said = result(is_error=True, api_error="usage_limit_reached", result="You've hit your 5-hour limit · resets 3am")
    return classify(1, "\n".join([*map(json.dumps, events), said]), "", NOW)


def test_reset_is_taken_from_the_clients_event_before_its_words():
    """The event by which the last request was rejected says when; where it does not, the words do."""
    words = NOW.replace(hour=3, minute=0).timestamp()
    assert limited(status="rejected", resetsAt=1795300000).resets == 1795300000
    assert limited(status="allowed", resetsAt=1795300000).resets == words
    assert limited(status="rejected").resets == words


def test_lost_conversation_is_told_in_the_result_too():
    """The client says in its result, not only beside it, that there is nothing to resume."""
    said = {"is_error": True, "subtype": "error_during_execution", "result": None}
    found = classify(1, result(**said, errors=["No conversation found with session ID: 1111"]), "", NOW)
    assert (found.ending, found.lost) == (Ending.CRASHED, True)
    assert found.said == "No conversation found with session ID: 1111"


@pytest.mark.parametrize(
    ("code", "err", "ending", "lost"),
    [
        (-9, "", Ending.CRASHED, False),
        (1, "Error: something broke\n", Ending.CRASHED, False),
        (1, "No conversation found with session ID: 1111", Ending.CRASHED, True),
        (1, "Error: Session ID 1111 is already in use.", Ending.CRASHED, True),
        (1, "Not logged in · Please run /login", Ending.LOGIN, False),
        (1, "5-hour limit reached ∙ resets 3am", Ending.LIMIT, False),
        (1, "overloaded_error: Overloaded", Ending.UNAVAILABLE, False),
    ],
)
def test_end_without_a_result_is_understood(code: int, err: str, ending: Ending, *, lost: bool):
    """Without JSON the exit code and the last words tell, and no cost is known."""
    found = classify(code, "half a line {", err, NOW)
    assert (found.ending, found.lost, found.cost) == (ending, lost, None)
    assert f"code {code}" in found.said


def test_a_turn_that_ended_is_done():
    """A normal end, and an end at the client's own budget, is a turn done; what was denied is said."""
    assert classify(0, result(), "", NOW).ending is Ending.DONE
    assert classify(1, result(is_error=True, subtype="error_max_budget_usd"), "", NOW).ending is Ending.DONE
    denied = [{"tool_name": "Bash", "tool_input": {"command": "rm -r data"}}, {"tool_name": "Write"}]
    assert classify(0, result(permission_denials=denied), "", NOW).said == "hi (denied: rm -r data; Write)"


def test_the_last_result_counts():
    """Messages and noise around the result are no obstacle; a long text becomes one short line."""
    text = f'a hook spoke\n{result(result="first", is_error=True)}\n{result(result="x " * 300)}\n\n"result" [\n'
    found = classify(0, text, "", NOW)
    assert found.ending is Ending.DONE
    assert len(found.said) <= 200


@pytest.mark.parametrize(
    ("words", "then"),
    [
        ("limit reached|1795300000", datetime.fromtimestamp(1795300000, NOW.tzinfo)),
        ("resets in 2h 5m", NOW + timedelta(hours=2, minutes=5)),
        ("resets in 1d 3h", NOW + timedelta(days=1, hours=3)),
        ("resets in 45 minutes", NOW + timedelta(minutes=45)),
        ("resets 3am", NOW.replace(hour=3, minute=0)),
        ("resets at 12:15am", NOW.replace(day=22, hour=0, minute=15)),
        ("resets 14:05", NOW.replace(hour=14, minute=5)),
        ("resets 3am (UTC)", NOW.replace(hour=4, minute=0)),
        ("resets 9pm (America/New_York)", NOW.replace(hour=3, minute=0)),
        ("resets 3am (Nowhere/Land)", NOW.replace(hour=3, minute=0)),
        ("resets Nov 23, 3pm", NOW.replace(day=23, hour=15, minute=0)),
        ("resets Jan 2 at 3:30pm", NOW.replace(year=2027, month=1, day=2, hour=15, minute=30)),
        ("resets 33:00", None),
        ("resets Foo 3, 3pm", None),
        ("resets soon", None),
        ("no word of it", None),
    ],
)
def test_reset_is_read(words: str, then: datetime | None):
    """The end of a usage limit is read from an epoch, a duration, a clock time, a date, with a zone or without."""
    assert reset_time(words, NOW) == (then.timestamp() if then else None)


def after(ending: Ending, count: int, **changes: Any) -> Any:
    """What is decided after the `count`-th such ending without a trial."""
    attempt = Attempt(ending, "said", **changes)
    return decide(attempt, Limits(), replace(LIVE, barren=Counter({ending: count})))


@pytest.mark.parametrize("ending", [Ending.UNAVAILABLE, Ending.LIMIT, Ending.CRASHED])
def test_back_off_doubles_up_to_its_bound(ending: Ending):
    """The wait doubles from attempt to attempt and has a longest."""
    first, longest = BACK_OFF[ending]
    waits = [after(ending, count).wait for count in (1, 2, 3)]
    assert waits == [first, min(2 * first, longest), min(4 * first, longest)]
    if ending is not Ending.CRASHED:
        assert after(ending, 1000).wait == longest


def test_trial_begins_the_back_off_anew():
    """After an attempt that made a trial the first wait is due again, and a turn that ended goes on at once."""
    assert decide(Attempt(Ending.CRASHED, "x"), Limits(), LIVE).wait == BACK_OFF["crashed"][0]
    move = decide(Attempt(Ending.DONE, "x"), Limits(), LIVE)
    assert (move.stop, move.wait, move.fresh) == (False, 0.0, False)


def test_known_reset_is_waited_for():
    """A usage limit with a reset is waited out to a minute after it, in the same conversation."""
    move = after(Ending.LIMIT, 1, resets=LIVE.now + 7200)
    assert (move.stop, move.wait, move.fresh) == (False, 7200 + MARGIN, False)
    assert after(Ending.LIMIT, 1, resets=LIVE.now - 5).wait == MARGIN


def test_reset_beyond_the_night_ends_it():
    """A limit that outlasts the night, a weekly one say, ends it instead of sleeping through."""
    move = after(Ending.LIMIT, 1, resets=LIVE.deadline + 1)
    assert (move.stop, move.well) == (True, True)


def test_login_ends_the_night_with_the_remedy():
    """Without a login nothing gets better by waiting."""
    move = after(Ending.LOGIN, 1)
    assert (move.stop, move.well) == (True, False)
    assert "/login" in move.why


def test_crashes_get_a_fresh_conversation_and_end_at_last():
    """A lost conversation is replaced at once, a crashing one at times, and crashes without a trial end the night."""
    assert after(Ending.CRASHED, 1, lost=True).fresh
    assert [after(Ending.CRASHED, count).fresh for count in (1, FRESH)] == [False, True]
    assert (after(Ending.CRASHED, CRASHES).stop, after(Ending.CRASHED, CRASHES).well) == (True, False)


def test_idle_turns_get_a_fresh_conversation_and_end_at_last():
    """A client that ends its turn without a trial begins afresh, and after some such turns the night ends."""
    assert after(Ending.DONE, 1).fresh
    assert (after(Ending.DONE, TURNS).stop, after(Ending.DONE, TURNS).well) == (True, False)


def test_trials_that_crash_in_a_row_end_the_night():
    """An environment that is broken is not tried all night."""
    tired = replace(LIVE, crashed=MOST_FAILURES)
    assert not decide(Attempt(Ending.DONE, "x"), Limits(), replace(LIVE, crashed=MOST_FAILURES - 1)).stop
    move = decide(Attempt(Ending.DONE, "x"), Limits(), tired)
    assert (move.stop, move.well) == (True, False)
    assert "10 trials crashed in a row" in move.why


@pytest.mark.parametrize(
    ("limits", "changes", "why"),
    [
        (Limits(), {"ended": "a person stopped it"}, "the run has ended: a person stopped it"),
        (Limits(iterations=3), {"iterations": 3}, "3 iterations is spent"),
        (Limits(usd=2.0), {"usd": 2.01}, r"budget of 2 USD is spent \(2\.01\)"),
        (Limits(), {"now": 1e6}, "time is over"),
    ],
)
@pytest.mark.parametrize("ending", Ending)
def test_spent_budget_ends_the_night_whatever_happened(
    limits: Limits, changes: dict[str, Any], why: str, ending: Ending
):
    """The run's end and each budget end the night well, after any attempt."""
    move = decide(Attempt(ending, "x"), limits, replace(LIVE, **changes))
    assert (move.stop, move.well) == (True, True)
    assert re.search(why, move.why)
