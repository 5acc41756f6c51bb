"""The commands: one thin function per verb. Exit codes: see `errors` and `lines.exit_code`; docs/commands.md."""

import json
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from autoresearch import lines, searches, service, status, verbs
from autoresearch.errors import AutoresearchError, BusyError
from autoresearch.loop import Loop, Outcome
from autoresearch.run import trial_ref
from autoresearch.session import open_loop

__all__ = ["app", "main"]

app = typer.Typer(
    help="Machine-learning research on a table, kept honest.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(verbs.app)
app.add_typer(searches.app)
INTERRUPTED, INTERNAL_ERROR = 130, 70  # 128 + SIGINT; EX_SOFTWARE of sysexits.h


def say(text: str) -> None:
    """Print one plain line, whatever the terminal's width."""
    typer.echo(text)


def _tell(outcome: Outcome) -> None:
    """The iteration line, and below it what is needed next."""
    if outcome.trial is not None:
        say(lines.iteration(outcome.history, outcome.trial))
    for note in outcome.notes:
        say(note)
    if outcome.trial is not None:
        for line in lines.next_steps(outcome.history, outcome.trial):
            say(line)


@app.command()
def start(tag: str) -> None:
    """Begin a run: branch autoresearch/TAG, hashes of the frozen files, the baseline trial."""
    with open_loop() as loop:
        outcome = loop.start(tag)
        _tell(outcome)
        say(
            f"isolated: {outcome.history.iterations[-1].isolation}; branch autoresearch/{tag}; edit train.py, then step"
        )


@app.command()
def step() -> None:
    """Measure the edited train.py, judge it, keep or revert it."""
    with open_loop() as loop:
        outcome = loop.step()
    _tell(outcome)
    assert outcome.trial
    raise typer.Exit(lines.exit_code(outcome.trial.state))


@app.command("status")
def status_(*, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Incumbent, last trials, noise, isolation, budget, and the gain in honest words."""
    with open_loop() as loop:
        _repair_if_free(loop, quiet=as_json)
        summary = loop.workspace.summary(status.LAST)
    say(json.dumps(status.as_dict(summary), indent=1) if as_json else status.as_text(summary))


def _repair_if_free(loop: Loop, *, quiet: bool) -> None:
    """Repair what a killed command left, unless one is at work: its trial is running, not broken."""
    try:
        notes = loop.mend(patience=0)
    except BusyError as error:
        notes = (str(error),)
    for note in notes:
        typer.echo(note, err=quiet)


@app.command()
def log() -> None:
    """Print all trials of the run, one line each."""
    with open_loop() as loop:
        history = loop.workspace.current()
    for trial in history.trials:
        say(lines.iteration(history, trial))
    say(lines.best(history))


@app.command()
def show(n: int) -> None:
    """Print trial N: its source, the diff to its parent, its scores per fold, its traceback."""
    import difflib

    with open_loop() as loop:
        history = loop.workspace.current()
    trial = history.find(n)
    say(lines.iteration(history, trial))
    for name in ("commit", "parent", "rule", "reason", "note", "evidence", "isolation", "wall_s", "cpu_s", "peak_mb"):
        value = getattr(trial, name)
        if value not in (None, ""):
            say(f"{name}: {round(value, 2) if isinstance(value, float) else value}")
    say(f"ref: {trial_ref(trial.tag, n)}")
    for review in history.reviews_of(n):
        say(lines.review(review))
    for number, repeat in enumerate(trial.scores):
        say(f"repeat {number}: " + " ".join(f"{score:.4f}" for score in repeat))
    if trial.parent is not None:
        before = history.find(trial.parent).source.splitlines()
        after, names = trial.source.splitlines(), (f"trial {trial.parent}", f"trial {n}")
        say("\n".join(difflib.unified_diff(before, after, *names, lineterm="")))
    say(f"--- source of trial {n}")
    say(trial.source)
    if trial.error:
        say(f"--- {trial.error}")
        say(trial.traceback or "no traceback: the process ended without one")


@app.command()
def checkout(n: int) -> None:
    """Put trial N's source into train.py and make N the parent of the next trial."""
    with open_loop() as loop:
        outcome = loop.checkout(n)
    for note in outcome.notes:
        say(note)
    say(f"train.py is trial {n}'s, the parent of the next trial; kept is still what beats trial "
        f"{outcome.history.incumbent.n}")  # fmt: skip


@app.command()
def audit() -> None:
    """Open the seal: the incumbent against the baseline on rows that no trial has seen. Needs a person."""
    from autoresearch.audit import audit as open_seal
    from autoresearch.report import write as write_report
    from autoresearch.scorer import Scorer

    with open_loop(warm=False) as loop:
        loop.repair()
        history = loop.workspace.current()
        if not sys.stdin.isatty():
            raise AutoresearchError(
                "the audit opens the sealed holdout and a person decides that: run it yourself in a terminal"
            )
        if history.incumbent is history.baseline:
            raise AutoresearchError("nothing was kept beyond the baseline: there is no gain to audit")
        scorer = loop.scorer_of(history.run.study)
        assert isinstance(scorer, Scorer)
        spent = len(scorer.prepared.seal.audits())
        say(f"This is audit {spent + 1} of these sealed rows, at level {0.05 / 2 ** (spent + 1):.4g}.")
        say("What you learn cannot be unlearned: every further audit needs a larger gain to prove anything.")
        if typer.prompt(f"Type the tag ({history.run.tag}) to open the seal") != history.run.tag:
            raise AutoresearchError("that is not the tag: the holdout stays sealed")
        loop.workspace.ledger.add_audit(open_seal(history, scorer))
        outcome = loop.repair()
        found = outcome.history.audits[-1]
        folder = loop.workspace.run_folder(history.run.tag)
        if (folder / "report.md").exists():
            write_report(outcome.history, folder)
        name = f"test_{history.metric.short}"
        say(f"baseline: {name}={found.before:.4f}; incumbent: {name}={found.after:.4f}; {found.method}")
        say(f"audit: {found.answer}")
        say(lines.claim(outcome.history))


@app.command()
def stop() -> None:
    """End the current run; nothing is lost, and resume goes on with it."""
    with open_loop() as loop:
        service.stop(loop.workspace.git.common_dir)
        outcome = loop.stop()
    say(f"run {outcome.history.run.tag!r} has ended: {outcome.history.run.ended}")


@app.command()
def resume() -> None:
    """Go on with a run that ended, with a fresh budget."""
    with open_loop() as loop:
        outcome = loop.resume()
    for note in outcome.notes:
        say(note)
    say(f"run {outcome.history.run.tag!r} is live")
    say(lines.best(outcome.history))


@app.command()
def doctor() -> None:
    """Look at git, isolation, data, ledger, results.tsv and branch; repair what can be, and say so."""
    from autoresearch.doctor import examine

    with open_loop() as loop:
        with suppress(AutoresearchError):
            for note in loop.repair().notes:
                say(note)
        findings = list(examine(loop.workspace))
    for finding in findings:
        say(f"{'ok ' if finding.well else 'BAD'} {finding.name}: {finding.detail}")
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@app.command()
def report() -> None:
    """Write report.md and progress.png into the run's folder."""
    from autoresearch.report import write

    with open_loop() as loop:
        loop.repair()
        history = loop.workspace.current()
        say(str(write(history, loop.workspace.run_folder(history.run.tag))))


@app.command()
def demo() -> None:
    """Two minutes on what a ratchet claims: shuffled labels, and a table with a planted leak."""
    from autoresearch.demo import play

    play(say)


@app.command(hidden=True)
def measure(file: Path) -> None:
    """Measure FILE for `uv run train.py`, and print the contract's lines."""
    with open_loop(file.parent) as loop:
        study, tag = loop.workspace.study(), loop.workspace.tag
        found, outcome = loop.measure(study)
    if found.traceback:
        typer.echo(found.traceback)
    say(lines.evaluation(study.metric.short, found))
    if isinstance(outcome, Outcome):
        assert outcome.trial
        _tell(outcome)
    elif tag:
        say(f"note: not recorded: {outcome}")
    raise typer.Exit(lines.exit_code(found.state))


def main() -> None:
    """Run a verb; an expected error is one line, an unexpected one goes to the log."""
    sys.argv[1:] = searches.spelled_out(sys.argv[1:])
    try:
        app()
    except AutoresearchError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # what typer makes of Ctrl-C, without a word
            typer.echo(
                "interrupted: what was finished is kept, and so is the edit in train.py; give the command again",
                err=True,
            )
        raise
    except Exception as error:
        folder = Path("runs")
        folder.mkdir(exist_ok=True)
        with (folder / "error.log").open("a") as file:
            file.write(f"{time.ctime()} {' '.join(sys.argv)}\n{traceback.format_exc()}\n")
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        typer.echo(f"error: {reason}; the traceback is in runs/error.log", err=True)
        sys.exit(INTERNAL_ERROR)
