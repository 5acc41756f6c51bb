"""The demo: what a ratchet claims where there is nothing to find, and where a table leaks."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from autoresearch import lines
from autoresearch.audit import audit
from autoresearch.library import baseline
from autoresearch.loop import Outcome
from autoresearch.scorer import Scorer
from autoresearch.search import Search
from autoresearch.session import open_loop
from autoresearch.sources import BUNDLED

__all__ = ["planted_leak", "play", "shuffled_labels"]

TRIALS = 12
SEED = 42


@dataclass(frozen=True)
class Lesson:
    """A table, and what it teaches."""

    title: str
    table: pd.DataFrame
    moral: str


def shuffled_labels() -> Lesson:
    """The bundled table with its labels in random order: there is nothing to learn from it."""
    table = BUNDLED["heart"]()
    table["target"] = np.random.default_rng(SEED).permutation(table["target"].to_numpy())
    return Lesson(
        "1. Labels in random order: no model can be better than another.",
        table,
        "The ratchet kept what fitted the noise of its folds, and each step looked like progress. "
        "The sealed rows were never selected on: they are what a claim needs.",
    )


def planted_leak() -> Lesson:
    """A case number that someone gave out after the diagnosis, in blocks; new patients have none of that.

    Sick and well cases got interleaved blocks of ten numbers, which a linear model cannot read and a tree can.
    On the sealed rows, as on tomorrow's patients, the number is given out before the diagnosis and says nothing.
    """
    table = BUNDLED["heart"]()
    rng = np.random.default_rng(SEED)
    _, later = train_test_split(np.arange(len(table)), test_size=0.2, random_state=SEED, stratify=table["target"])
    block = 2 * rng.integers(3, size=len(table)) + table["target"].to_numpy()
    block[later] = rng.integers(6, size=len(later))
    table.insert(0, "case_number", 10 * block + rng.integers(10, size=len(table)))
    return Lesson(
        "2. A planted leak: the case number was given out after the diagnosis.",
        table,
        "Cross-validation cannot see a leak that is in every training row: it called it skill. "
        "The loop stops at a score that is too good to be true, and tells you to look for leakage first; "
        "rows from tomorrow, sealed today, show what the number is worth.",
    )


def play(say: Callable[[str], None]) -> None:
    """Run both lessons in temporary folders and say what came out."""
    for lesson in (shuffled_labels(), planted_leak()):
        say(f"\n{lesson.title}\n")
        with tempfile.TemporaryDirectory(prefix="autoresearch-demo-") as folder, _vault(Path(folder) / "vault"):
            root = Path(folder) / "lesson"
            root.mkdir()
            _lesson(lesson, root, say)
        say(f"\n{lesson.moral}")


@contextmanager
def _vault(folder: Path) -> Iterator[None]:
    """Seal the lesson's rows in a vault of its own: the next demo audits them for the first time again."""
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("XDG_DATA_HOME")
        if before is not None:
            os.environ["XDG_DATA_HOME"] = before


def _lesson(lesson: Lesson, root: Path, say: Callable[[str], None]) -> None:
    """The same loop as everywhere, over a fresh repository, under the rule that keeps any gain."""
    lesson.table.to_csv(root / "table.csv", index=False)
    study = resources.files("autoresearch").joinpath("demo.toml").read_text(encoding="utf-8")
    (root / "study.toml").write_text(study, encoding="utf-8")
    (root / "train.py").write_text(baseline("binary").source("baseline: scaled logistic regression"), encoding="utf-8")
    (root / ".gitignore").write_text("data/\nresults.tsv\nruns/\ntable.csv\n", encoding="utf-8")
    author = ["-c", "user.name=autoresearch", "-c", "user.email=autoresearch@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "the lesson's study"]):
        subprocess.run(["git", *author, *command], cwd=root, check=True)

    def heard(outcome: Outcome) -> None:
        assert outcome.trial
        say(lines.iteration(outcome.history, outcome.trial))
        for note in outcome.notes:
            say(note)

    with open_loop(root, warm=False) as loop:
        heard(loop.start("demo"))
        history = Search(loop, SEED, heard).run(TRIALS, None)
        claim = history.claim()
        say(f"\nThe ratchet claims: {claim.delta:+.4f} AUC." if claim else "\nThe ratchet claims no gain.")
        say(f"Said honestly: {lines.claim(history)}.")
        if claim:
            scorer = loop.scorer_of(history.run.study)
            assert isinstance(scorer, Scorer)
            found = audit(history, scorer)
            say(
                f"The audit answers: {found.answer}; {found.delta:+.4f} on the sealed rows, "
                f"{1 - found.alpha:.1%} interval {found.low:+.4f} to {found.high:+.4f}."
            )
