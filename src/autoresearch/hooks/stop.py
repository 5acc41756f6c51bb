"""May the turn end? While the loop that this session runs has budget: no, and the reason says what comes next."""

from dataclasses import dataclass

from autoresearch import lines
from autoresearch.hooks.events import Event, Watch
from autoresearch.hooks.standing import Standing

__all__ = ["Answer", "decide"]

MOST_BLOCKS = 3  # without a step in between
MOST_FAILURES = 10  # in a row


@dataclass(frozen=True)
class Answer:
    """What a Stop hook answers: block the end with a reason, or let it be with a notice, or neither."""

    watch: Watch | None
    block: str = ""
    notice: str = ""


def decide(event: Event, watch: Watch | None, at: Standing | None) -> Answer:
    """Keep a running loop going.

    Parameters
    ----------
    at
        Where the run on the checked-out branch stands; None where there is none.
    """
    if at is None or at.ended is not None or watch is None or not watch.holds(event):
        return Answer(watch)
    if at.failures >= MOST_FAILURES:
        return _released(watch, f"{at.failures} crashes in a row", at.tag)
    blocks = watch.blocks + 1 if at.made == watch.seen else 1
    if blocks > MOST_BLOCKS:
        return _released(watch, f"{MOST_BLOCKS} reminders without a step in between", at.tag)
    reason = (
        f"Run {at.tag!r} is live and this session runs its loop: {at.used} of {at.iterations} "
        f"iterations used. {lines.best(at)}. Next: edit train.py (one idea and its HYPOTHESIS), then "
        "`uv run autoresearch step`. Only a person ends it before the budget does: `uv run autoresearch stop`."
    )
    return Answer(watch._replace(blocks=blocks, seen=at.made), block=reason)


def _released(watch: Watch, why: str, tag: str) -> Answer:
    notice = (
        f"autoresearch: the loop of run {tag!r} pauses: {why}. Look with `uv run autoresearch doctor` and `log`; "
        "`/autoresearch:resume` goes on"
    )
    return Answer(watch._replace(released=True), notice=notice)
