"""What a person watches: a search as a live table, the tree of trials; plain lines where no terminal is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Drawing

from autoresearch import lines
from autoresearch.history import History
from autoresearch.loop import Outcome
from autoresearch.tree import Node, Tree
from autoresearch.trial import Verdict

__all__ = ["draw", "watch"]

ROWS = 15  # of the live table
HYPOTHESIS = 70  # letters of it in the tree
LINE = 60  # columns for a trial, however deep
PIPED = 4000  # columns where no terminal is


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


def draw(tree: Tree) -> None:
    """Draw a run's tree: a trial a line, below its parent."""
    drawn: dict[int, Drawing] = {}
    for node in tree.nodes.values():
        if node.parent is None:
            drawn[node.n] = Drawing(_line(tree, node))
        else:
            drawn[node.n] = drawn[node.parent].add(_line(tree, node))
    console = Console()
    deep = 4 * max(node.depth for node in tree.nodes.values()) + LINE  # rich leaves out what is deeper than it is wide
    Console(width=max(console.width, deep) if console.is_terminal else PIPED).print(drawn[0])


def _line(tree: Tree, node: Node) -> Text:
    trial = node.trial
    incumbent = node.n == tree.history.incumbent.n
    score = "no score" if trial.score is None else f"{trial.score:.4f}"
    delta = "" if trial.delta is None else f" (Δ {trial.delta:+.4f} ± {trial.delta_se or 0:.4f})"
    label = "BASELINE" if node.parent is None else trial.label
    marks = ["incumbent"] * incumbent + ["exhausted"] * node.exhausted + ["to mend"] * node.mendable
    said = f"{node.n} {score}{delta} {label}{''.join(f' [{mark}]' for mark in marks)} {trial.hypothesis[:HYPOTHESIS]}"
    style = "bold green" if incumbent else "red" if trial.state.failed else "dim" if node.exhausted else ""
    return Text(said, style=style, no_wrap=True, overflow="ellipsis")
