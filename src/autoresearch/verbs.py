"""The commands beside the loop's own: what to try next, the tree, a reviewer's note, a night's work."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from autoresearch import checks, lines, proposals
from autoresearch.errors import AutoresearchError, RunOverError
from autoresearch.history import History
from autoresearch.run import Review
from autoresearch.session import open_loop
from autoresearch.tree import Tree, as_dict

__all__ = ["app"]

app = typer.Typer()
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def _current() -> History:
    """The current run as the ledger has it: nothing is repaired, nothing changed."""
    with open_loop() as loop:
        return loop.workspace.current()


@app.command("next")
def next_(
    policy: Annotated[str, typer.Option(help=f"One of {', '.join(proposals.POLICIES)}.")] = "aide",
    seed: Annotated[int, typer.Option(min=0, help="Draws where a policy draws.")] = 1,
    *,
    as_json: AsJson = False,
) -> None:
    """Propose what to try next: draft, debug or improve, from which trial, and why. Changes nothing."""
    choose = proposals.lookup(policy)
    history = _current()
    if history.run.ended is not None:
        raise RunOverError(f"run {history.run.tag!r} has ended: {history.run.ended}; there is nothing to try next")
    found = choose(Tree(history), proposals.generator(seed, history))
    if as_json:
        facts = {"action": found.action.value, "node": found.node, "why": found.why, "policy": policy, "seed": seed}
        typer.echo(json.dumps(facts | {"here": history.parent.n == found.node}))
        return
    for line in lines.proposal(history, policy, found):
        typer.echo(line)


@app.command("tree")
def tree_(*, as_json: AsJson = False) -> None:
    """Draw the run's trials as a tree: scores, verdicts, what is exhausted, the incumbent."""
    tree = Tree(_current())
    if as_json:
        typer.echo(json.dumps(as_dict(tree), indent=1))
        return
    from autoresearch.console import draw

    draw(tree)


@app.command("insights")
def insights_(*, as_json: AsJson = False) -> None:
    """Print what the run has taught: rankings, interactions, what is given up, crashes, near misses, what is open."""
    from autoresearch import insights, library

    with open_loop() as loop:
        facts = loop.workspace.digests().facts()
    task = facts.summary.run.study.study.task
    every = [one for messy in (False, True) for found in library.variants(task, messy=messy).values() for one in found]
    family = {(one.slot, one.name): one.family for one in every}
    found = insights.insights(facts, family)
    typer.echo(json.dumps(insights.as_dict(found), indent=1) if as_json else insights.as_text(found))


@app.command()
def note(n: int, text: str) -> None:
    """Record TEXT, what a reviewer found, with trial N."""
    with open_loop() as loop:
        workspace = loop.workspace
        history = workspace.current()
        review = Review(history.run.tag, history.find(n).n, time.time(), checks.remark(text))
        workspace.ledger.add_review(review)
    typer.echo(lines.review(review))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def init(context: typer.Context) -> None:
    """Lay face and pack down in a repository of your own, overwriting nothing.

    What follows, a table and the options of prepare.py, prepares that table: init my.csv --target churn
    """
    from autoresearch.git import open_repository
    from autoresearch.pack import lay

    root = Path.cwd()
    open_repository(root)
    laid = lay(root, own_table=bool(context.args))
    for what, names in (
        ("laid down", laid.places),
        ("added what was lacking", laid.added),
        ("left as they were", laid.left),
    ):
        if names:
            typer.echo(f"{what}: {', '.join(names)}")
    if context.args:
        done = subprocess.run([sys.executable, "prepare.py", *context.args], cwd=root, check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)
    typer.echo("next:")
    for line in laid.todo:
        typer.echo(f"  {line}")
    files = " ".join(dict.fromkeys([*laid.places, *laid.added, "study.toml", "train.py"]))
    typer.echo(f"  git add {files} && git commit -m autoresearch")
    typer.echo("  uv sync, then `uv run autoresearch start TAG`, or /autoresearch TAG in Claude Code")


@app.command()
def night(
    tag: str,
    hours: Annotated[float | None, typer.Option(min=0.01, help="Stop after so many hours.")] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Stop after so many iterations.")] = None,
    usd: Annotated[float | None, typer.Option(min=0.01, help="Stop once so much was spent.")] = None,
) -> None:
    """Let the coding client work on run TAG unattended, and leave the morning report."""
    from autoresearch.client import agree, find
    from autoresearch.night import Limits, Night

    for name in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too, leaves no client behind
        signal.signal(name, signal.default_int_handler)
    with open_loop() as loop:
        client = find()
        agree(loop.workspace.ledger.folder, typer.echo, typer.confirm if sys.stdin.isatty() else None)
        end = Night(loop, client, Limits(hours, iterations, usd), typer.echo).run(tag)
    if not end.well:
        raise AutoresearchError(f"the night ended early: {end.why}")
