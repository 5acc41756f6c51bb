"""What a session is told of the run on its branch when it starts, resumes, is cleared or compacted."""

from autoresearch import lines
from autoresearch.history import History
from autoresearch.hooks.guard import Event
from autoresearch.hooks.stop import Watch

__all__ = ["text"]

LAST = 5  # trials told
LONGEST = 150  # characters of a line
MOST = 1500  # characters in all


def text(event: Event, watch: Watch | None, history: History, ended: str | None) -> str:
    """Tag, incumbent, last results and the next action, in fewer than `MOST` characters."""
    run, budget = history.run, history.run.study.budget
    state = f"has ended: {ended}" if ended else "is live"
    mine = watch is not None and not watch.released and (watch.session, watch.agent) == (event.session, event.agent)
    said = [
        f"autoresearch run {run.tag!r} {state}; {history.used_iterations} of {budget.iterations} iterations used.",
        lines.best(history),
        _gain(history),
        *(lines.iteration(history, trial) for trial in history.iterations[-LAST:]),
    ]
    if history.parent.n != history.incumbent.n:
        said.append(f"parent of the next trial: {history.parent.n}, not the incumbent {history.incumbent.n}")
    said = [line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in said]
    return "\n".join([*said, _next(mine, ended)])[: MOST - 1]


def _gain(history: History) -> str:
    """The gain in the words that may be used, without its interval: that takes a library which is slow to import."""
    if history.incumbent is history.baseline:
        return f"no gain over the baseline ({history.baseline.score:.4f}) yet"
    delta = history.total_gain().delta
    return f"validation gain, optimistic: {delta:+.4f}; its interval is in `uv run autoresearch status`"


def _next(mine: bool, ended: str | None) -> str:
    if ended:
        return "Next: nothing by itself. `uv run autoresearch report` sums it up; a person resumes or starts a run."
    if mine:
        return (
            "Next: you run this loop. Read train.py, edit it (one idea and its HYPOTHESIS), then `uv run autoresearch "
            "step`, report its line, go on. The rules are in program.md; everything but train.py is frozen."
        )
    return (
        "Next: nothing unless you are asked; this session did not start the run. `/autoresearch:resume` takes the loop "
        "over. Everything but train.py is frozen while the run is live; program.md has the rules."
    )
