"""What a person watches while a search runs: a live table and a progress bar; plain lines where no terminal is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from autoresearch import lines
from autoresearch.history import History
from autoresearch.loop import Outcome
from autoresearch.trial import Verdict

__all__ = ["watch"]

ROWS = 15  # of the live table


@contextmanager
def watch(trials: int) -> Iterator[Callable[[Outcome], None]]:
    """Show outcomes as they come, until the block ends."""
    console = Console()
    if not console.is_terminal:
        yield _print
        return
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    task = progress.add_task("baseline", total=trials)
    with Live(progress, console=console, refresh_per_second=8) as live:

        def heard(outcome: Outcome) -> None:
            if outcome.trial is not None and outcome.trial.n:
                progress.advance(task)
            progress.update(task, description="trials")
            live.update(Group(_table(outcome.history), progress))
            for note in outcome.notes:
                live.console.print(note, markup=False)

        yield heard


def _print(outcome: Outcome) -> None:
    if outcome.trial is not None:
        print(lines.iteration(outcome.history, outcome.trial), flush=True)  # noqa: T201
    for note in outcome.notes:
        print(note, flush=True)  # noqa: T201


def _table(history: History) -> Table:
    table = Table(title=lines.best(history), title_justify="left", title_style="bold")
    table.add_column("n", justify="right")
    for column in (f"val_{history.metric.short}", "Δ ± SE", "verdict", "s", "hypothesis"):
        table.add_column(column)
    for trial in history.iterations[-ROWS:]:
        kept = trial.verdict is Verdict.KEEP
        table.add_row(
            str(trial.n),
            "none" if trial.score is None else f"{trial.score:.4f}",
            "" if trial.delta is None else f"{trial.delta:+.4f} ± {trial.delta_se or 0:.4f}",
            "BASELINE" if trial.n == 0 else trial.label,
            f"{trial.wall_s:.1f}",
            trial.hypothesis,
            style="green" if kept else "red" if trial.state.failed else "dim",
        )
    return table
