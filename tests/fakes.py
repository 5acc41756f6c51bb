"""A loop around a scripted scorer: no table is read and no model fitted, so that a step takes milliseconds.

Imported by the tests and by `crash_step`, which is a process of its own: nothing heavy here, and no pytest.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from autoresearch.files import digest, write_whole
from autoresearch.history import History
from autoresearch.loop import Loop
from autoresearch.prepared import Prepared, identity, training_file
from autoresearch.results import render
from autoresearch.run import Run, trial_ref
from autoresearch.source import fingerprints
from autoresearch.study import EvaluationSettings, Source, Study
from autoresearch.trial import Evaluation, GoOn, State, Trial, Verdict
from autoresearch.vault import Seal
from autoresearch.workspace import open_workspace

FOLDS = 5
TAG = "t"
OUTCOMES = {"keep": "scores: 0.9", "discard": "scores: 0.7", "crash": "crash: ValueError: no such column"}
"""What a version says that becomes of it, by the status column of results.tsv; the baseline scores 0.8."""


def version(value: int, outcome: str = OUTCOMES["keep"], hypothesis: str | None = None) -> str:
    """A train.py that is a new version for each `value`, and tells `FakeScorer` what comes out of it."""
    return (
        f'"""The model under study."""\n\nHYPOTHESIS = "{hypothesis or f"try {value}"}"\n\n\n'
        f"def build_pipeline():\n    return {value}  # {outcome}\n"
    )


BASELINE = version(0, "scores: 0.8", "baseline")


@dataclass
class FakeScorer:
    """A scorer that reads what to answer from the source: ``# scores: 0.9 0.8``, ``# crash: why``, ``# timeout: why``.

    Parameters
    ----------
    during
        Called with the source while its trial runs.
    exact
        Whether measuring again gives the same predictions.
    error
        What a crash says, in place of what the source says.
    measured
        All sources that were measured.
    """

    during: Callable[[str], object] = lambda _: None
    exact: bool = True
    error: str | None = None
    measured: list[str] = field(default_factory=list)
    closed: bool = False

    def evaluate(self, source: str, repeats: int, width: int | None = None, go_on: GoOn | None = None) -> Evaluation:
        """Answer as the last mark in `source` says; without one, 0.8 in every fold."""
        self.measured.append(source)
        self.during(source)
        marks = re.findall(r"# (scores|crash|timeout): (.*)", source)
        kind, said = marks[-1] if marks else ("scores", "0.8")
        if kind != "scores":
            state = State.CRASHED if kind == "crash" else State.TIMED_OUT
            said = self.error or said
            return Evaluation(state, "none", error=said, traceback=f"Traceback:\n{said}")
        given = [float(word) for word in said.split()]
        folds = tuple(given[i % len(given)] for i in range(FOLDS))
        return Evaluation(State.COMPLETE, "none", scores=(folds,) * repeats, wall_s=0.1, predictions="digest")

    def repeats_exactly(self, source: str, predictions: str) -> bool:
        """As `exact` says."""
        return self.exact

    def row_se(self, before: str, after: str) -> float | None:
        """The fakes have no rows."""
        return None

    def close(self) -> None:
        """Remember that it was asked."""
        self.closed = True


def fake_prepare(root: Path, study: Study) -> Prepared:
    """Leave data/ and a sealed holdout as preparing does, without looking at a table."""
    path = root / training_file(study.study.name)
    write_whole(path, b"x,target\n1,0\n2,1\n")
    sealed = Seal("5ea1" * 16)
    write_whole(sealed.path, b"one row")
    found = Prepared(
        name=study.study.name,
        fingerprint=digest(path)[:16],
        identity=identity(study),
        rows=2,
        holdout_rows=1,
        columns=2,
        dtypes={"x": "int64", "target": "int64"},
        classes=(0, 1),
        balance="0: 50.0%, 1: 50.0%",
        repeats=2,
        folds=FOLDS,
        provable=0.05,
        suspicious=0.99,
        training_digest=digest(path),
        holdout_digest=sealed.digest,
        source=study.study.data,
    )
    found.write(root)
    return found


def make_loop(
    root: Path,
    reach: Callable[[str], None] = lambda _: None,
    scorer: FakeScorer | None = None,
    clock: Callable[[], float] = time.time,
) -> Loop:
    """The loop over the study in `root`, around a scripted scorer."""
    found = scorer or FakeScorer()
    return Loop(open_workspace(root), lambda *_: found, lambda study: fake_prepare(root, study), reach, clock)


def git(root: Path, *arguments: str, check: bool = True) -> str:
    """Git as a person uses it, hooks and all; what it prints, without the last newline."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
    return done.stdout.rstrip("\n")


def edit(root: Path, value: int, outcome: str = OUTCOMES["keep"], hypothesis: str | None = None) -> str:
    """Write `version` into train.py; gives its text."""
    text = version(value, outcome, hypothesis)
    (root / "train.py").write_text(text, encoding="utf-8")
    return text


def command(root: Path, verb: str, point: str = "") -> "subprocess.Popen[bytes]":
    """A command in a process group of its own, beginning its work; it kills itself at `point`."""
    script = Path(__file__).with_name("crash_step.py")
    pipe = subprocess.PIPE
    arguments = [sys.executable, str(script), str(root), verb, point]
    process = subprocess.Popen(arguments, stdout=pipe, stderr=pipe, start_new_session=True)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return process


def as_person(root: Path) -> None:
    """Let git know who commits in `root`."""
    git(root, "config", "user.name", "A Person")
    git(root, "config", "user.email", "person@example.org")


def follow(root: Path, error: str) -> None:
    """Do what an error says: the git commands at its end."""
    remedy = error[error.index(": git ") + 2 :]
    done = subprocess.run(remedy, shell=True, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{remedy}: {done.stderr}"


def commit(root: Path, message: str, *files: str) -> str:
    """A person's commit of `files`, or of what is staged; its name."""
    who = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
    git(root, *who, "commit", "-q", "--allow-empty", "-m", message, "--", *files)
    return git(root, "rev-parse", "HEAD")


def repository(root: Path, files: dict[str, str]) -> Path:
    """A git repository with one commit of `files`, and no author in its settings."""
    for name, text in files.items():
        write_whole(root / name, text.encode())
    git(root, "init", "-q", "-b", "main", "--template=")
    git(root, "add", "-A")
    commit(root, "the study")
    return root


def everything(root: Path) -> dict[str, object]:
    """All that a command could change in `root`: refs, index, files, and the ledger's rows."""
    ledger = open_workspace(root).ledger
    runs = ledger.runs()
    found: dict[str, object] = {
        "refs": git(root, "for-each-ref"),
        "HEAD": git(root, "rev-parse", "--symbolic-full-name", "HEAD"),
        "index": git(root, "ls-files", "--stage"),
        "status": git(root, "status", "--porcelain"),
        "files": {path.name: path.read_bytes() for path in sorted(root.iterdir()) if path.is_file()},
        "ledger": [(run, ledger.trials(run.tag)) for run in runs],
    }
    ledger.close()
    return found


def settled(root: Path, *, branch: bool = True) -> tuple[History, tuple[str, ...]]:
    """Repair; check that the record, the refs, the branch and results.tsv agree, and that no more is left to repair.

    Parameters
    ----------
    branch
        Whether the branch is expected to hold the incumbent: not where a person moved it.

    Returns
    -------
    tuple
        The history, and what the repair said.
    """
    loop = make_loop(root)
    first = loop.repair()
    before = everything(root)
    assert loop.repair().notes == (), "a second repair is silent"
    assert everything(root) == before, "a second repair changes nothing"
    history = first.history
    assert (root / "results.tsv").read_text() == render(history)
    for trial in history.trials:
        assert trial.settled
        assert trial.state is not State.RUNNING
        if trial.commit or trial in history.iterations:
            ref = trial_ref(history.run.tag, trial.n)
            assert git(root, "rev-parse", ref) == trial.commit
            assert source_at(root, ref) == trial.source
    if branch:
        assert source_at(root, history.run.ref) == history.incumbent.source, "the branch holds the incumbent"
    loop.workspace.ledger.close()
    return history, first.notes


def source_at(root: Path, commit: str) -> str:
    """train.py in `commit`, byte for byte."""
    command = ["git", "cat-file", "blob", f"{commit}:./train.py"]
    return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode()


def a_study(**changes: object) -> Study:
    """A study that nobody wrote down; `changes` replace its sections."""
    source = Source(name="heart", data="heart", target="target", task="binary", positive=1)
    return replace(Study(source, EvaluationSettings("roc_auc")), **changes)  # type: ignore[arg-type]


def a_run(tag: str = TAG, **changes: object) -> Run:
    """A run with its budget just begun."""
    run = Run(tag, "fingerprint", a_study(), {"study.toml": "0"}, 1.0, "b" * 40, 2, 0.99, 1.0)
    return replace(run, **changes)  # type: ignore[arg-type]


def a_trial(n: int, outcome: str | float = "keep", **changes: object) -> Trial:
    """A trial that ended: crashed, timed out, interrupted, or complete with a score or a verdict's usual one."""
    text = version(n)
    prints = fingerprints(text)
    trial = Trial(TAG, n, n - 1 if n else None, "b" * 40, "c" * 40, text, f"try {n}", prints.code, prints.seedless, 1.0)
    if outcome in ("crashed", "timed_out", "interrupted", "running"):
        trial = replace(trial, state=State(outcome), error=None if outcome == "running" else "ValueError: no")
    else:
        score = outcome if isinstance(outcome, float) else {"keep": 0.9, "discard": 0.7}[outcome]
        verdict = Verdict.DISCARD if outcome == "discard" else Verdict.KEEP
        folds = (score - 0.01, score, score + 0.01)
        trial = replace(trial, state=State.COMPLETE, scores=(folds, folds), score=score, se=0.01, verdict=verdict)
    return replace(trial, commit=f"{n:040x}", settled=True, **changes)  # type: ignore[arg-type]


def a_history(*outcomes: str | float, **changes: object) -> History:
    """A run whose baseline scored 0.8 and whose later trials ended as told."""
    trials = [a_trial(0, 0.8), *(a_trial(n, outcome) for n, outcome in enumerate(outcomes, start=1))]
    return History(a_run(**changes), trials)


def a_tree(*steps: tuple[int, str | float], **changes: object) -> History:
    """A run whose trials were each made from another one, as told by (parent, outcome); the ratchet judges scores."""
    trials, record = [a_trial(0, 0.8)], 0.8
    for n, (parent, outcome) in enumerate(steps, start=1):
        trial = replace(a_trial(n, outcome), parent=parent)
        if trial.score is not None:
            kept = trial.score > record
            record = max(record, trial.score)
            trial = replace(trial, verdict=Verdict.KEEP if kept else Verdict.DISCARD, delta=0.01, delta_se=0.01)
        trials.append(trial)
    return History(a_run(**changes), trials)


def environment(home: Path) -> dict[str, str]:
    """Settings under which neither git nor the vault sees anything of the person who runs the tests."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_EDITOR": "false",
    }
