"""The report of a run: report.md and progress.png in its folder."""

import difflib
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from autoresearch import lines, results
from autoresearch.files import write_whole
from autoresearch.history import History
from autoresearch.trial import Trial, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture", "write"]

LABELS = 25  # kept trials named beside the picture: the baseline and the last ones
LETTERS = 62  # of a hypothesis there


def write(history: History, folder: Path) -> Path:
    """Write ``report.md`` and ``progress.png`` into `folder`; gives the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    picture(history).savefig(folder / "progress.png", dpi=110)
    path = folder / "report.md"
    write_whole(path, _text(history).encode())
    return path


def _text(history: History) -> str:
    run, metric = history.run, history.metric
    scheme = f"{run.repeats} x {len(history.baseline.scores[0])} folds"
    diff = "".join(
        difflib.unified_diff(
            history.baseline.source.splitlines(keepends=True),
            history.incumbent.source.splitlines(keepends=True),
            f"baseline (trial {history.baseline.n})",
            f"incumbent (trial {history.incumbent.n})",
        )
    )
    warnings = [f"**Warning:** {warning}\n" for warning in run.warnings]
    parts = [
        f"# Run {run.tag}\n",
        f"Study `{run.study.study.name}`, fingerprint `{run.fingerprint}`; "
        f"{metric.name} ({metric.direction}), {scheme}; {run.ended or 'live'}.\n",
        *warnings,
        "## The gain\n",
        f"{lines.claim(history)}.\n",
        f"{lines.best(history)}. {lines.noise(history)}.\n",
        "A validation gain was selected on the folds that measure it, which makes it optimistic; only an audit on the "
        "sealed rows (`uv run autoresearch audit`) can prove it.\n",
        "## Trials\n",
        "![progress](progress.png)\n",
        _table(history),
        *_reviews(history),
        "## From baseline to incumbent\n",
        f"```diff\n{diff}```\n" if diff else "Nothing was kept beyond the baseline.\n",
        "## Next ideas\n",
        "\n".join(f"- {idea}" for idea in ideas(history)) + "\n",
    ]
    return "\n".join(parts)


def _table(history: History) -> str:
    short = history.metric.short
    rows = [f"| n | parent | val_{short} | Δ ± SE | test_{short} | verdict | hypothesis |", "|--|--|--|--|--|--|--|"]
    for trial in history.iterations:
        score = "none" if trial.score is None else f"{trial.score:.4f}"
        delta = "" if trial.delta is None else f"{trial.delta:+.4f} ± {trial.delta_se or 0:.4f}"
        what = _cell(trial.hypothesis if not trial.error else f"{trial.hypothesis}: {trial.error}")
        label = "baseline" if trial.n == 0 else trial.label.lower()
        parent = "" if trial.parent is None else trial.parent
        test = results.test_score(history, trial)
        rows.append(f"| {trial.n} | {parent} | {score} | {delta} | {test} | {label} | {what} |")
    return "\n".join(rows) + "\n"


def _reviews(history: History) -> list[str]:
    """What reviewers found, where somebody reviewed."""
    rows = [f"- trial {review.n}: {review.text}" for review in history.reviews]
    return ["## Reviews\n", "\n".join(rows) + "\n"] if rows else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def ideas(history: History) -> list[str]:
    """What the record suggests to try next."""
    found = []
    last = {trial.hypothesis: trial.n for trial in history.complete}
    built_on = {trial.parent for trial in history.complete}
    near = [t for t in history.complete if t.verdict is Verdict.DISCARD and (t.delta or 0) > 0]
    near = [t for t in near if t.n == last[t.hypothesis] and t.n not in built_on]  # the others were tried again
    near.sort(key=lambda trial: -(trial.delta or 0))
    for trial in near[:3]:
        way = "vary it" if trial.parent == history.incumbent.n else "combine it with what was kept"
        found.append(
            f"trial {trial.n} gained {trial.delta:+.4f}, within the noise of ± {trial.delta_se or 0:.4f}: "
            f"{way} ({trial.hypothesis})"
        )
    for trial in [t for t in history.iterations if t.state.failed][-2:]:
        found.append(f"trial {trial.n} ended without a score ({trial.error}): mend it, or leave that road")
    if not history.audits and history.claim():
        found.append("open the seal once, when the search is over: `uv run autoresearch audit`")
    return found or ["the record shows no near miss: look at the training rows in data/ for a new idea"]


def picture(history: History) -> "Figure":
    """All trials as dots, the kept ones as a rising line; beside it what was kept, each at its height."""
    from matplotlib.figure import Figure  # without pyplot, whose import takes as long again
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(12, 5.5))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.07, right=0.6, bottom=0.1, top=0.86)
    kept, last = history.kept, history.iterations[-1].n
    dropped = [trial for trial in history.complete if trial.verdict is not Verdict.KEEP]
    failed = [trial for trial in history.iterations if trial.state.failed]
    if dropped:
        axes.scatter([t.n for t in dropped], _scores(dropped), color="0.7", s=24, label="discarded")
    if failed:
        floor = [min(_scores(history.complete))] * len(failed)
        axes.scatter([t.n for t in failed], floor, marker="x", color="C3", s=30, label="no score")
    axes.step([*(t.n for t in kept), last], _scores([*kept, kept[-1]]), where="post", color="C0")
    errors = [trial.se or 0 for trial in kept]
    label = "kept, ± SE of its score"
    axes.errorbar([t.n for t in kept], _scores(kept), errors, fmt="o", color="C0", capsize=3, label=label)
    axes.set(xlabel="trial", ylabel=f"val_{history.metric.short}", xlim=(-0.5, last + 0.5))
    axes.set_title(f"{history.run.tag}: validation, optimistic", loc="left", pad=26)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.08)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8)
    axes.autoscale_view(scalex=False)
    named = sorted(kept[:1] + kept[1:][1 - LABELS :], key=lambda trial: trial.score or 0)
    heights = axes.transLimits.transform([(0, score) for score in _scores(named)])[:, 1]
    for trial, height in zip(named, _apart(list(heights), 1 / LABELS), strict=True):
        axes.annotate(
            f"{trial.n}  {textwrap.shorten(trial.hypothesis, LETTERS, placeholder='…')}",
            (trial.n, trial.score or 0),
            xytext=(1.02, height),
            textcoords="axes fraction",
            fontsize=8,
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": "0.85", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4},
            zorder=0,
        )
    return figure


def _apart(heights: list[float], gap: float) -> list[float]:
    """Rising heights between 0 and 1, moved until each is `gap` above the one before it."""
    placed, floor = list[float](), 0.0
    for height in heights:
        placed.append(max(height, floor))
        floor = placed[-1] + gap
    ceiling = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed


def _scores(trials: list[Trial]) -> list[float]:
    return [trial.score or 0.0 for trial in trials]
