"""The commands of the search without an agent, and their short forms."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoresearch import lines
from autoresearch.errors import AutoresearchError
from autoresearch.loop import Loop
from autoresearch.session import open_loop

if TYPE_CHECKING:
    from autoresearch.pipelines import Pipeline

__all__ = ["app", "spelled_out"]

app = typer.Typer()
SCRIPT = ".py"
SUFFIXES = (SCRIPT, ".csv", ".tsv", ".parquet", ".gz")
OPENML = "openml:"
AHEAD = 2  # trials begun per core: while one is slow, its neighbours on the other cores have something to do


def spelled_out(arguments: list[str]) -> list[str]:
    """Put the verb before a short form: ``my.csv``, ``my_pipeline.py``, ``--dataset adult``."""
    first = arguments[0] if arguments else ""
    short = first == "--dataset" or first.startswith(OPENML) or first.endswith(SUFFIXES)
    return ["search", *arguments] if short else arguments


@app.command()
def search(
    subject: Annotated[str | None, typer.Argument(help="A table or a script; by default the present study.")] = None,
    target: Annotated[str | None, typer.Option(help="The column that is predicted.")] = None,
    data: Annotated[str | None, typer.Option(help="The table that a script reads, where it does not say.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A bundled table, or one of OpenML by name.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials to make.")] = 12,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Stop after so many minutes.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the order.")] = 1,
) -> None:
    """Search without an agent: variants composed into train.py, each measured, kept or reverted."""
    pipeline = None
    if subject is not None and subject.endswith(SCRIPT):
        from autoresearch.pipelines import open_pipeline

        pipeline = open_pipeline(Path(subject), data, target)
        for line in pipeline.said:
            typer.echo(line)
        subject, target = pipeline.subject.data, pipeline.subject.target
    if dataset is not None and subject is not None:
        raise AutoresearchError(f"--dataset {dataset}: the table is {subject!r} already; give one of the two")
    if dataset is not None or subject is not None:
        from autoresearch import studying  # which imports pandas: a search of the present study does without

        subject = subject or studying.dataset(dataset or "")
        for line in studying.study_of(Path.cwd(), subject, target, pipeline):
            typer.echo(line)
    _search(pipeline, trials, minutes, seed)


def _search(pipeline: "Pipeline | None", trials: int, minutes: float | None, seed: int) -> None:
    from autoresearch.console import watch
    from autoresearch.exchange import cores
    from autoresearch.report import write
    from autoresearch.search import Search

    if pipeline:
        from autoresearch import studying

    with open_loop() as loop:
        tag = _live_tag(loop) or time.strftime("search-%Y%m%d-%H%M%S")
        with watch(trials) as heard:
            if loop.workspace.tag != tag:
                heard(loop.start(tag))
            catalogue = studying.catalogue(pipeline, loop.workspace) if pipeline else None
            history = Search(loop, seed, heard, AHEAD * cores(), catalogue).run(trials, minutes)
        path = write(history, loop.workspace.run_folder(tag))
        best = studying.best(pipeline, loop.workspace, history) if pipeline else None
    typer.echo(f"baseline: val_{history.metric.short}={history.baseline.score:.4f} — {history.baseline.hypothesis}")
    typer.echo(lines.best(history))
    typer.echo(f"gain: {lines.claim(history)}")
    if best is not None:
        typer.echo(f"written: {os.path.relpath(best)}, the script with the best that was found")
    typer.echo(f"branch: autoresearch/{tag}; record: results.tsv; report: {os.path.relpath(path)}")


@app.command()
def baselines(
    seconds: Annotated[float, typer.Option(min=1, help="What FLAML may take, over all folds.")] = 60.0,
) -> None:
    """Measure majority or mean, linear, LightGBM and FLAML on the incumbent's folds; the holdout stays sealed."""
    from autoresearch.baselines import rows

    with open_loop() as loop:
        metric = loop.workspace.current().metric
        typer.echo(f"{'model':<22} {'val_' + metric.short:>12} {'accuracy':>9} {'seconds':>8}")
        for row in rows(loop, seconds):
            score = f"{row.score:.4f}" if row.score is not None else "none"
            accuracy = f"{row.accuracy:.4f}" if row.accuracy is not None else "-"
            typer.echo(f"{row.name:<22} {score:>12} {accuracy:>9} {row.wall_s:>8.1f}  {row.error}".rstrip())


def _live_tag(loop: Loop) -> str | None:
    """The run whose branch is checked out, if it is live."""
    tag = loop.workspace.tag
    run = loop.workspace.ledger.find_run(tag) if tag else None
    return tag if run and run.ended is None else None
