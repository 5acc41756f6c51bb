"""What a session is told of the run on its branch when it starts, resumes, is cleared or compacted."""

from autoresearch import lines
from autoresearch.hooks.events import Event, Watch
from autoresearch.hooks.standing import Standing

__all__ = ["text"]

LAST = 5  # trials told
LONGEST = 150  # characters of a line
MOST = 1500  # characters in all


def text(event: Event, watch: Watch | None, at: Standing) -> str:
    """Tag, incumbent, last results and the next action, in fewer than `MOST` characters."""
    state = f"has ended: {at.ended}" if at.ended else "is live"
    mine = watch is not None and watch.holds(event)
    said = [
        f"autoresearch run {at.tag!r} {state}; {at.used} of {at.iterations} iterations used.",
        lines.best(at),
        _gain(at),
        *(lines.iteration(at, trial) for trial in at.last),
    ]
    if at.parent != at.incumbent.n:
        said.append(f"parent of the next trial: {at.parent}, not the incumbent {at.incumbent.n}")
    said = [line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in said]
    return "\n".join([*said, _next(mine, at.ended)])[: MOST - 1]


def _gain(at: Standing) -> str:
    """The gain in the words that may be used, without its interval: that takes a library which is slow to import."""
    if at.incumbent.n == at.baseline.n:
        return f"no gain over the baseline ({at.baseline.score:.4f}) yet"
    from autoresearch.statistics import paired_gains

    before, after = at.baseline, at.incumbent
    delta = paired_gains(at.metric, before.scores, after.scores, after.ratio, after.total_se).delta
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
