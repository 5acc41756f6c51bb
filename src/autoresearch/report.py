"""The report of a run: report.md and progress.png in its folder."""

import difflib
from pathlib import Path

from autoresearch import lines, results
from autoresearch.files import write_whole
from autoresearch.history import History
from autoresearch.trial import Trial, Verdict

__all__ = ["write"]


def write(history: History, folder: Path) -> Path:
    """Write ``report.md`` and ``progress.png`` into `folder`; gives the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw(history, folder / "progress.png")
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


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def ideas(history: History) -> list[str]:
    """What the record suggests to try next."""
    found = []
    near = [t for t in history.complete if t.verdict is Verdict.DISCARD and (t.delta or 0) > 0]
    near.sort(key=lambda trial: -(trial.delta or 0))
    for trial in near[:3]:
        found.append(
            f"trial {trial.n} gained {trial.delta:+.4f}, within the noise of ± {trial.delta_se or 0:.4f}: "
            f"combine it with what was kept ({trial.hypothesis})"
        )
    for trial in [t for t in history.iterations if t.state.failed][-2:]:
        found.append(f"trial {trial.n} ended without a score ({trial.error}): mend it, or leave that road")
    if not history.audits and history.claim():
        found.append("open the seal once, when the search is over: `uv run autoresearch audit`")
    return found or ["the record shows no near miss: look at the training rows in data/ for a new idea"]


def _draw(history: History, path: Path) -> None:
    """All trials as dots, the kept ones as a rising line with their labels."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=(11, 5.5), layout="constrained")
    dropped = [trial for trial in history.complete if trial.verdict is not Verdict.KEEP]
    failed = [trial for trial in history.iterations if trial.state.failed]
    kept = history.kept
    axes.scatter([t.n for t in dropped], [t.score or 0 for t in dropped], color="0.7", s=24, label="discarded")
    axes.step([t.n for t in kept] + [history.iterations[-1].n], _scores([*kept, kept[-1]]), where="post", color="C0")
    errors = [trial.se or 0 for trial in kept]
    axes.errorbar(
        [t.n for t in kept], _scores(kept), yerr=errors, fmt="o", color="C0", capsize=3, label="kept, ± SE of its score"
    )
    floor = min(_scores(history.complete))
    if failed:
        axes.scatter([t.n for t in failed], [floor] * len(failed), marker="x", color="C3", s=30, label="no score")
    for trial in kept:
        axes.annotate(
            trial.hypothesis[:60], (trial.n, trial.score or 0), xytext=(6, 8), textcoords="offset points", fontsize=8
        )
    axes.set(xlabel="trial", ylabel=f"val_{history.metric.short}", title=f"{history.run.tag}: validation, optimistic")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.08, y=0.12)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _scores(trials: list[Trial]) -> list[float]:
    return [trial.score or 0.0 for trial in trials]
