"""May the turn end? While the loop that this session runs has budget: no, and the reason says what comes next."""

from dataclasses import dataclass, replace

from autoresearch import lines
from autoresearch.history import History
from autoresearch.hooks.guard import Event

__all__ = ["Answer", "Watch", "decide"]

MOST_BLOCKS = 3  # without a step in between
MOST_FAILURES = 10  # in a row


@dataclass(frozen=True)
class Watch:
    """What the hooks remember of one run: who runs its loop.

    Parameters
    ----------
    session, agent
        The conversation that started or resumed the run, and the subagent in it or an empty text.
    blocks, seen
        Turns that were kept from ending since the last step, and the iterations there were then.
    released
        The loop ended with a notice; the session is an ordinary one again until it resumes the run.
    """

    session: str
    agent: str = ""
    blocks: int = 0
    seen: int = -1
    released: bool = False


@dataclass(frozen=True)
class Answer:
    """What a Stop hook answers: block the end with a reason, or let it be with a notice, or neither."""

    watch: Watch | None
    block: str = ""
    notice: str = ""


def decide(event: Event, watch: Watch | None, history: History | None, ended: str | None) -> Answer:
    """Keep a running loop going.

    Parameters
    ----------
    history
        The run on the checked-out branch; None where there is none.
    ended
        Why that run has ended or is to end; None while it may go on.
    """
    if history is None or ended is not None or watch is None or watch.released:
        return Answer(watch)
    if (watch.session, watch.agent) != (event.session, event.agent):
        return Answer(watch)
    tag, failures, iterations = history.run.tag, history.failures_in_a_row(), len(history.iterations)
    if failures >= MOST_FAILURES:
        return _released(watch, f"{failures} crashes in a row", tag)
    blocks = watch.blocks + 1 if iterations == watch.seen else 1
    if blocks > MOST_BLOCKS:
        return _released(watch, f"{MOST_BLOCKS} reminders without a step in between", tag)
    budget = history.run.study.budget
    reason = (
        f"Run {tag!r} is live and this session runs its loop: {history.used_iterations} of {budget.iterations} "
        f"iterations used. {lines.best(history)}. Next: edit train.py (one idea and its HYPOTHESIS), then "
        "`uv run autoresearch step`. Only a person ends it before the budget does: `uv run autoresearch stop`."
    )
    return Answer(replace(watch, blocks=blocks, seen=iterations), block=reason)


def _released(watch: Watch, why: str, tag: str) -> Answer:
    notice = (
        f"autoresearch: the loop of run {tag!r} pauses: {why}. Look with `uv run autoresearch doctor` and `log`; "
        "`/autoresearch:resume` goes on"
    )
    return Answer(replace(watch, released=True), notice=notice)
