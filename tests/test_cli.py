"""The command line: the contract's lines and exit codes, from real processes and from the same code here."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fakes import BASELINE, OUTCOMES, FakeScorer, edit, follow, git, version
from support import (
    LOGISTIC,
    MAIN_GUARD,
    REPO,
    Said,
    always,
    call,
    edited,
    face,
    ranking,
    run_real,
    stub,
    table,
    user_data,
)

from autoresearch import cli
from autoresearch.study import load
from autoresearch.vault import Seal
from autoresearch.workspace import open_workspace

AUTORESEARCH = Path(sys.executable).with_name("autoresearch")
DELTA = r"\(Δ [+-]\d\.\d{4} ± \d\.\d{4}\)"
CRASHING = edited("X.select_dtypes", "X.no_such_method", "broken")
SLEEPING = stub(ranking("X['size']"), fit="__import__('time').sleep(60)") + MAIN_GUARD
Real = "subprocess.CompletedProcess[str]"


def contract(output: str) -> dict[str, str]:
    """The greppable lines at the end of what `train.py` printed, by key."""
    return dict(line.split(": ", 1) for line in output.splitlines()[-6:])


class TestForReal:
    """One session of real processes, in the order in which a person would run them."""

    @pytest.fixture(scope="class")
    @classmethod
    def root(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
        """A small study in a clone; whatever keeps warm for it ends with the tests."""
        root = face(tmp_path_factory.mktemp("real") / "study", table(60))
        yield root
        run_real(root, AUTORESEARCH, "stop")

    @pytest.fixture(scope="class")
    @classmethod
    def session(cls, root: Path) -> dict[str, Real]:
        """What each command said, by a name for it."""
        train, study, python = root / "train.py", root / "study.toml", sys.executable
        said = {"train.py": run_real(root, python, "train.py")}
        said["prepare.py"] = run_real(root, python, "prepare.py")
        train.write_text(CRASHING)
        said["crash"] = run_real(root, python, "train.py")
        train.write_text(SLEEPING)
        settings = study.read_text()
        study.write_text(settings + "[budget]\ntrial_seconds = 1\n")
        said["time-out"] = run_real(root, python, "train.py")
        study.write_text(settings)
        train.write_text(LOGISTIC)
        said["start"] = run_real(root, AUTORESEARCH, "start", "real")
        said["again"] = run_real(root, AUTORESEARCH, "step")
        train.write_text(CRASHING)
        said["step"] = run_real(root, AUTORESEARCH, "step")
        said["doctor"] = run_real(root, AUTORESEARCH, "doctor")
        return said

    def test_train_py_prepares_by_itself_and_prints_the_contract(self, session: dict[str, Real], root: Path):
        """On a fresh clone `train.py` prepares the study, scores, and prints exactly the contract's lines."""
        done = session["train.py"]
        assert (done.returncode, done.stderr) == (0, "")
        score, error = r"val_auc: 0\.\d{6}", r"val_auc_se: 0\.\d{6}"
        expected = [score, error, "test_auc: sealed", r"wall_time_s: \d+\.\d", r"cv_folds: 5x\d", "status: ok"]
        found = done.stdout.splitlines()
        assert len(found) == 6
        assert all(re.fullmatch(pattern, line) for pattern, line in zip(expected, found, strict=True)), found
        assert (root / "data" / "small.parquet").is_file()

    def test_prepare_py_says_what_the_study_is(self, session: dict[str, Real]):
        """`prepare.py` prints rows, metric, scheme, the smallest provable gain, the fingerprint, the profile."""
        done = session["prepare.py"]
        assert (done.returncode, done.stderr) == (0, "")
        expected = [
            "study: small",
            "table: small.csv, CSV, comma-separated, utf-8",
            "rows: 48 for training, 12 sealed",
            "columns: 5 with the target 'label'",
            r"balance: 0: 60\.4%, 1: 39\.6%",
            r"metric: roc_auc \(maximize\), suspicious beyond 0\.99",
            r"cv: 3 folds x 5 repeats",
            r"provable: a first audit could prove a gain of about 0\.\d{3}, as forecast",
            "fingerprint: [0-9a-f]{16}",
        ]
        found = done.stdout.splitlines()
        said, profiled = found[: len(expected)], found[len(expected) :]
        assert all(re.fullmatch(pattern, line) for pattern, line in zip(expected, said, strict=True)), found
        assert [line.split(":")[0] for line in profiled[:5]] == 5 * ["column"]
        assert [line for line in profiled[5:-1] if line.startswith("warning: sealed rows in the tree: small.csv")]
        assert profiled[-1] == "profile: data/profile.html"

    def test_crash_has_its_traceback_above_the_lines(self, session: dict[str, Real]):
        """A crash exits with 3; the traceback stands above the lines, which say why and name no score."""
        done = session["crash"]
        assert (done.returncode, done.stderr) == (3, "")
        found = contract(done.stdout)
        assert found["val_auc"] == found["val_auc_se"] == "none"
        assert found["cv_folds"] == "0"
        assert re.fullmatch(r"crashed \(train\.py:\d+: AttributeError: .+\)", found["status"])
        above = "\n".join(done.stdout.splitlines()[:-6])
        assert above.startswith('Traceback (most recent call last):\n  File "train.py", line ')
        assert "X.no_such_method" in above
        assert "autoresearch" not in above

    def test_time_out_exits_with_2(self, session: dict[str, Real]):
        """A trial beyond its seconds exits with 2, has no score, and says that it was the time."""
        done = session["time-out"]
        assert done.returncode == 2, done.stdout + done.stderr
        found = contract(done.stdout)
        assert found["status"].startswith("crashed (time-out: ")
        assert found["val_auc"] == "none"

    def test_start_makes_the_baseline(self, session: dict[str, Real], root: Path):
        """`start` prints the baseline's line with its own error, the level of isolation and the branch."""
        done = session["start"]
        assert (done.returncode, done.stderr) == (0, "")
        found = done.stdout.splitlines()
        assert re.fullmatch(r"iter 0 \| val_auc=0\.\d{4} \(± 0\.\d{4}\) \| BASELINE   — baseline", found[0])
        assert re.fullmatch(
            r"isolated: (full|partial|process); branch autoresearch/real; edit train\.py, then step", found[-1]
        )
        assert git(root, "branch", "--show-current") == "autoresearch/real"

    def test_step_crash_exits_with_3_and_reverts(self, session: dict[str, Real], root: Path):
        """A crash is one line without a traceback, exits with 3, and train.py is the incumbent's again."""
        done = session["step"]
        assert (done.returncode, done.stderr) == (3, "")
        pattern = r"iter 1 \| val_auc=none \(train\.py:\d+: AttributeError: .+\) \| CRASHED    — broken"
        assert re.fullmatch(pattern, done.stdout.splitlines()[0])
        assert "Traceback" not in done.stdout
        assert (root / "train.py").read_text() == LOGISTIC

    def test_refused_step_says_one_line(self, session: dict[str, Real]):
        """A refusal exits with 1 and one line on standard error."""
        done = session["again"]
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "error: train.py is unchanged: the same code as trial 0; edit it first\n"

    def test_doctor_finds_all_well(self, session: dict[str, Real]):
        """The doctor names the level of isolation that was reached, and whatever this machine lacks for more."""
        done = session["doctor"]
        assert re.search(r"^ok  isolation: (full|partial|process)$", done.stdout, re.MULTILINE)
        bad = [line for line in done.stdout.splitlines() if line.startswith("BAD")]
        assert all(line.startswith("BAD   ") for line in bad), bad  # a mechanism of isolation, indented below its level
        assert done.returncode == (1 if bad else 0)

    def test_holdout_is_sealed_beside_the_tree(self, session: dict[str, Real], root: Path):
        """The session left its holdout in the user's data folder, for its owner alone."""
        sealed = list((root.parent / "user-data").rglob("holdout.parquet"))
        assert sealed
        assert {stat.S_IMODE(path.stat().st_mode) for path in sealed} == {0o600}

    @pytest.mark.slow
    def test_root_train_py_runs_in_a_copy_of_the_face(self, tmp_path: Path):
        """The product's own train.py scores on its own study as its documentation shows it."""
        names = ("prepare.py", "train.py", "study.toml", "pyproject.toml")
        root = tmp_path / "clone"
        root.mkdir()
        for name in names:
            (root / name).write_bytes((REPO / name).read_bytes())
        git(root, "init", "-q")
        done = run_real(root, sys.executable, "train.py")
        assert contract(done.stdout)["status"] == "ok", done.stderr
        assert float(contract(done.stdout)["val_auc"]) == pytest.approx(0.907, abs=0.002)


@pytest.mark.slow
def test_audit_for_real_at_a_terminal(tmp_path: Path):
    """From the start to the opened seal with nothing but real processes, the tag typed at a real terminal."""
    root = face(
        tmp_path / "study", table(400, noise=0.3), train=LOGISTIC.replace('X.select_dtypes("number")', 'X[["age"]]')
    )
    assert run_real(root, AUTORESEARCH, "start", "real").returncode == 0
    (root / "train.py").write_text(edited("C=1.0", "C=0.5", "all numbers"))
    kept = run_real(root, AUTORESEARCH, "step")
    assert " | KEPT       — all numbers\n" in kept.stdout, kept.stderr
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"real\n")
    environment = {**os.environ, "XDG_DATA_HOME": user_data(root)}
    done = subprocess.run(
        [AUTORESEARCH, "audit"], cwd=root, env=environment, stdin=terminal, capture_output=True, text=True, check=False
    )
    for descriptor in (keyboard, terminal):
        os.close(descriptor)
    assert done.returncode == 0, done.stderr
    assert "audit: proven" in done.stdout.splitlines()
    assert (root / "results.tsv").read_text().count("sealed") == 0
    assert run_real(root, AUTORESEARCH, "stop").returncode == 0


def test_commands_outside_a_study_name_what_is_missing(tmp_path: Path):
    """A real command in an empty folder says in one line what it looked for."""
    done = run_real(tmp_path, AUTORESEARCH, "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"error: study.toml: not found in {tmp_path} or above; run this inside a study's folder\n")
    assert list(tmp_path.iterdir()) == []


# The same command line, in this process, over scripted scores


def step(root: Path, value: int, outcome: str, hypothesis: str | None = None) -> Said:
    """Edit train.py and measure it."""
    edit(root, value, outcome, hypothesis)
    return call(root, "step", make=always(FakeScorer()))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A study with a train.py for `FakeScorer`."""
    return face(tmp_path / "study", train=BASELINE)


@pytest.fixture
def live(fresh: Path) -> Path:
    """The study with a live run."""
    assert call(fresh, "start", "run", make=always(FakeScorer())).code == 0
    return fresh


class TestIterationLine:
    @pytest.mark.parametrize(
        ("outcome", "code", "line"),
        [
            (OUTCOMES["keep"], 0, rf"iter 1 \| val_auc=0\.9000 {DELTA} \| KEPT       — try 1"),
            (OUTCOMES["discard"], 0, rf"iter 1 \| val_auc=0\.7000 {DELTA} \| DISCARDED  — try 1"),
            (OUTCOMES["crash"], 3, r"iter 1 \| val_auc=none \(ValueError: no such column\) \| CRASHED    — try 1"),
            ("timeout: the time was up", 2, r"iter 1 \| val_auc=none \(the time was up\) \| TIMED OUT  — try 1"),
        ],
        ids=["keep", "discard", "crash", "timeout"],
    )
    def test_has_its_exact_form(self, live: Path, outcome: str, code: int, line: str):
        """One line an iteration, the verdict padded to ten characters; the exit code says how the trial ended."""
        said = step(live, 1, outcome)
        assert said.code == code
        assert said.err == ""
        assert re.fullmatch(line, said.lines[0]), said.lines[0]

    def test_verdicts_stand_in_one_column(self, live: Path):
        """The verdict is padded to ten characters, whatever it is."""
        for value, outcome in enumerate((*OUTCOMES.values(), "timeout: late"), 1):
            label = step(live, value, outcome).lines[0].split(" | ")[2].split(" — ")[0]
            assert len(label) == 10

    @pytest.mark.parametrize("outcome", [*OUTCOMES.values(), "timeout: late"])
    def test_at_most_ten_short_lines_follow(self, live: Path, outcome: str):
        """Below it stand at most ten short lines with what is needed next."""
        said = step(live, 1, outcome)
        assert 1 <= len(said.lines) - 1 <= 10
        assert all(len(line) <= 120 for line in said.lines[1:])
        assert any(line.startswith("incumbent: trial ") for line in said.lines)
        assert "budget: 1 of 100 iterations" in said.lines

    def test_best_so_far_comes_every_ten_iterations(self, live: Path):
        """After each tenth iteration the best so far is named with its commit and hypothesis, and only then."""
        for value in range(1, 21):
            said = step(live, value, "scores: 0.9" if value == 3 else "scores: 0.7")
            best = [line for line in said.lines if line.startswith("best so far: ")]
            assert len(best) == (value % 10 == 0)
            if best:
                commit = git(live, "rev-parse", "refs/autoresearch/run/3")
                assert best == [f"best so far: val_auc=0.9000 @ {commit[:7]} — try 3"]
            assert len(said.lines) <= 11

    def test_no_hypothesis_is_said_so(self, live: Path):
        """A train.py without HYPOTHESIS is measured, and the line says that it has none."""
        (live / "train.py").write_text(version(1).replace("HYPOTHESIS", "IDEA"))
        said = call(live, "step", make=always(FakeScorer()))
        assert said.lines[0].endswith(" — no HYPOTHESIS")

    def test_single_split_claims_no_error(self, tmp_path: Path):
        """A baseline on a single split has no standard error of its own, and none is made up."""
        root = face(tmp_path / "study", table(125_000))
        said = call(root, "start", "run")
        assert re.match(r"iter 0 \| val_auc=0\.\d{4} \| BASELINE   — baseline", said.lines[0]), said.lines[0]
        assert "val_auc_se: none" in call(root, "measure", "train.py").lines
        assert "0.0000" not in call(root, "status").out


class TestMeasure:
    def test_records_by_hand_on_a_run_branch(self, live: Path):
        """On a run's branch `train.py` prints the contract's lines and then the trial that was recorded."""
        edit(live, 1, OUTCOMES["keep"])
        said = call(live, "measure", "train.py", make=always(FakeScorer()))
        assert said.code == 0
        assert said.lines[0] == "val_auc: 0.900000"
        assert said.lines[5] == "status: ok"
        assert said.lines[6].startswith("iter 1 | ")

    def test_shown_holdout_is_printed(self, tmp_path: Path):
        """A study that shows its holdout prints the number in place of `sealed`."""
        root = face(tmp_path / "study", holdout={"show": "always"})
        assert re.search(r"^test_auc: 0\.\d{6}$", call(root, "measure", "train.py").out, re.MULTILINE)

    @pytest.mark.parametrize(("kind", "code"), [("crash", 3), ("timeout", 2)])
    def test_failure_exits_as_the_contract_says(self, fresh: Path, kind: str, code: int):
        """2 for a time-out, 3 for a crash, with the traceback above the lines."""
        edit(fresh, 1, f"{kind}: why")
        said = call(fresh, "measure", "train.py", make=always(FakeScorer()))
        assert said.code == code
        assert said.lines[0] == "Traceback:"
        assert said.lines[-1] == f"status: crashed ({'time-out: ' if kind == 'timeout' else ''}why)"


SCHEMA: dict[str, type | tuple[type, ...]] = {
    "tag": str,
    "state": str,
    "ended": (str, type(None)),
    "fingerprint": str,
    "metric": str,
    "direction": str,
    "incumbent": dict,
    "parent": int,
    "baseline": dict,
    "trials": int,
    "kept": int,
    "failures_in_a_row": int,
    "last": list,
    "noise": (float, type(None)),
    "suspicious": float,
    "isolation": str,
    "budget": dict,
    "claim": (dict, type(None)),
    "audits": list,
    "reviews": list,
    "warnings": list,
    "wording": str,
}
"""Keys of `status --json`, with the types of their values."""
TRIAL = {"n", "commit", "parent", "state", "verdict", "score", "se", "delta", "delta_se", "hypothesis", "error"}


class TestStatus:
    @pytest.fixture
    def found(self, live: Path) -> dict[str, Any]:
        """`status --json` after a kept trial and two crashes."""
        for value, kind in ((1, "keep"), (2, "crash"), (3, "crash")):
            step(live, value, OUTCOMES[kind])
        found = json.loads(call(live, "status", "--json").out)
        assert isinstance(found, dict)
        return found

    def test_json_has_its_schema(self, found: dict[str, Any]):
        """Programs find each key with its type, and nothing that they do not know."""
        assert found.keys() == SCHEMA.keys()
        assert all(isinstance(found[key], kind) for key, kind in SCHEMA.items())
        for trial in (found["incumbent"], found["baseline"], *found["last"]):
            assert trial.keys() == TRIAL
        assert found["budget"].keys() == {"iterations", "iterations_used", "hours", "hours_used", "trial_seconds"}
        assert found["claim"].keys() == {"delta", "low", "high", "trials"}

    def test_json_says_what_happened(self, found: dict[str, Any]):
        """The numbers are those of the run."""
        assert (found["tag"], found["state"], found["trials"], found["kept"]) == ("run", "live", 4, 1)
        assert (found["failures_in_a_row"], found["parent"], found["budget"]["iterations_used"]) == (2, 1, 3)
        assert (found["incumbent"]["n"], found["incumbent"]["score"]) == (1, pytest.approx(0.9))
        assert found["last"][-1]["error"] == "ValueError: no such column"
        assert found["last"][-1]["score"] is None
        assert found["claim"]["delta"] == pytest.approx(0.1)

    def test_json_stays_json_when_something_is_repaired(self, live: Path):
        """What a status repairs is said on standard error, where it breaks no parser."""
        step(live, 1, OUTCOMES["keep"])
        (live / "results.tsv").unlink()
        said = call(live, "status", "--json")
        assert json.loads(said.out)["trials"] == 2
        assert said.err == "repaired: results.tsv was missing and is rebuilt from the ledger\n"

    def test_text_has_the_honest_words(self, live: Path):
        """A person reads the gain in its only words, the noise, the isolation, the budget and the last trials."""
        step(live, 1, OUTCOMES["keep"])
        said = call(live, "status")
        starts = ("run: run (live)", "best so far: ", "gain: validation gain, optimistic: +0.1000", "noise: ")
        assert [line.startswith(start) for line, start in zip(said.lines, starts, strict=False)] == [True] * 4
        assert "isolated: none" in said.lines
        assert said.lines[-1].startswith("iter 1 | ")


class TestRecord:
    def test_log_has_all_trials_and_the_best(self, live: Path):
        """`log` prints a line for each trial, in order, and the best so far."""
        for value, outcome in enumerate(OUTCOMES.values(), 1):
            step(live, value, outcome)
        said = call(live, "log")
        assert [line.split(" |")[0] for line in said.lines[:-1]] == [f"iter {n}" for n in range(4)]
        assert said.lines[-1].startswith("best so far: val_auc=0.9000 @ ")

    def test_show_has_source_diff_and_fold_scores(self, live: Path):
        """`show N` prints the trial's folds, its difference to the parent as git would, and its source."""
        step(live, 1, "scores: 0.9 0.8 0.85 0.95 0.9", "more trees")
        said = call(live, "show", "1")
        assert said.code == 0
        assert "repeat 0: 0.9000 0.8000 0.8500 0.9500 0.9000" in said.lines
        assert "ref: refs/autoresearch/run/1" in said.lines
        assert "parent: 0" in said.lines
        assert "evidence: measured" in said.lines
        assert "--- trial 0\n+++ trial 1\n@@ -1,7 +1,7 @@\n" in said.out
        assert '\n-HYPOTHESIS = "baseline"\n+HYPOTHESIS = "more trees"\n' in said.out
        assert (live / "train.py").read_text() in said.out

    def test_show_has_the_traceback_of_a_crash(self, live: Path):
        """The traceback that the iteration line leaves out is kept and shown, below the source that it is of."""
        step(live, 1, OUTCOMES["crash"])
        said = call(live, "show", "1")
        assert said.out.endswith("--- ValueError: no such column\nTraceback:\nValueError: no such column\n")
        assert version(1, OUTCOMES["crash"]) in said.out

    def test_show_of_the_baseline_has_no_diff(self, live: Path):
        """The baseline has no parent to differ from."""
        said = call(live, "show", "0")
        assert said.lines[0].startswith("iter 0 | ")
        assert "+++" not in said.out

    def test_checkout_goes_back_to_a_discarded_trial(self, live: Path):
        """`checkout N` puts a trial's source into train.py and makes it the parent of the next one."""
        step(live, 1, OUTCOMES["discard"])
        said = call(live, "checkout", "1")
        assert said.code == 0
        assert "train.py is trial 1's, the parent of the next trial; kept is still what beats trial 0" in said.lines
        assert (live / "train.py").read_text() == version(1, OUTCOMES["discard"])
        assert "parent: trial 1, not the incumbent 0" in call(live, "status").lines
        assert "parent: 1" in (step(live, 2, OUTCOMES["keep"]) and call(live, "show", "2")).lines

    def test_stop_and_resume(self, live: Path):
        """`stop` ends a run, a step is then refused with exit code 4, and `resume` goes on with a fresh budget."""
        step(live, 1, OUTCOMES["keep"])
        assert call(live, "stop").lines == ["run 'run' has ended: a person stopped it"]
        refused = step(live, 2, OUTCOMES["keep"])
        assert (refused.code, refused.out) == (4, "")
        assert refused.err.startswith("error: run 'run' has ended: a person stopped it; ")
        assert call(live, "resume").lines[0] == "run 'run' is live"
        said = call(live, "step", make=always(FakeScorer()))
        assert said.code == 0
        assert "budget: 1 of 100 iterations" in said.lines


class TestDoctor:
    @pytest.fixture(autouse=True)
    def _no_cell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leave isolation to the real session above."""
        monkeypatch.setattr("autoresearch.doctor._isolation", lambda: iter(()))

    @staticmethod
    def bad(said: Said) -> list[str]:
        """Names of what is not well; with any, the exit code is 1."""
        found = [line.split()[1].rstrip(":") for line in said.lines if line.startswith("BAD")]
        assert said.code == (1 if found else 0)
        return found

    def test_finds_a_healthy_run_well(self, live: Path):
        """A live run as it should be has nothing but good findings."""
        step(live, 1, OUTCOMES["keep"])
        said = call(live, "doctor")
        assert self.bad(said) == []
        assert "ok  branch: holds the incumbent, trial 1" in said.lines
        assert "ok  ledger: ledger.sqlite3: ok" in said.lines
        assert "ok  frozen: as at the start" in said.lines
        assert "ok  data: 80 rows, 20 rows sealed, 0 audits spent" in said.lines

    def test_looks_at_a_clone_without_a_run(self, fresh: Path):
        """Before the first run there is little to look at, and nothing wrong."""
        said = call(fresh, "doctor")
        assert self.bad(said) == []
        assert any(line.startswith("ok  run: HEAD is on branch main and there is no run yet") for line in said.lines)

    def test_repairs_a_deleted_trial_ref(self, live: Path):
        """A ref that somebody deleted is put back, and that is said."""
        step(live, 1, OUTCOMES["discard"])
        before = git(live, "rev-parse", "refs/autoresearch/run/1")
        git(live, "update-ref", "-d", "refs/autoresearch/run/1")
        said = call(live, "doctor")
        assert self.bad(said) == []
        assert "ok  refs: repaired: refs of trials 1" in said.lines
        assert git(live, "rev-parse", "refs/autoresearch/run/1") == before
        assert "ok  refs: 2 trials have their refs" in call(live, "doctor").lines

    def test_notices_a_tampered_holdout(self, live: Path):
        """Sealed rows that were altered are bad, with what to do about it."""
        sealed = next((live.parent / "user-data").rglob("holdout.parquet"))
        pd.read_parquet(sealed).assign(label=0).to_parquet(sealed, index=False)
        said = call(live, "doctor")
        assert self.bad(said) == ["data"]
        assert "was altered: it is no proof any more" in said.out

    def test_notices_altered_training_rows(self, live: Path):
        """Training rows that are not those prepared are bad, for the data and for the run."""
        path = live / "data" / "small.parquet"
        pd.read_parquet(path).assign(label=0).to_parquet(path, index=False)
        assert self.bad(call(live, "doctor")) == ["data", "frozen"]

    def test_notices_a_changed_frozen_file(self, live: Path):
        """A file that decides scores and was changed since the start is named."""
        (live / "prepare.py").write_text("# mine\n")
        said = call(live, "doctor")
        assert self.bad(said) == ["frozen"]
        assert "BAD frozen: changed since the start: prepare.py" in said.lines

    def test_notices_an_unsealed_holdout(self, live: Path):
        """Rows that were once shown are bad for good."""
        digest = open_workspace(live).prepared(load(live / "study.toml"))
        assert digest
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_DATA_HOME", str(live.parent / "user-data"))
            Seal(digest.holdout_digest).unseal()
        said = call(live, "doctor")
        assert self.bad(said) == ["data"]
        assert "UNSEALED by holdout.show: no audit of these rows proves anything" in said.out

    def test_notices_a_branch_that_was_moved(self, live: Path, monkeypatch: pytest.MonkeyPatch):
        """A branch that does not hold the incumbent is bad, with the commands that bring it there."""
        for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
            monkeypatch.setenv(name, "person@example.org")
        step(live, 1, OUTCOMES["keep"])
        git(live, "reset", "-q", "--hard", "HEAD~1")
        said = call(live, "doctor")
        assert self.bad(said) == ["branch"]
        follow(live, next(line for line in said.lines if line.startswith("BAD branch")))
        assert self.bad(call(live, "doctor")) == []

    def test_notices_an_unfinished_merge_and_a_lock(self, live: Path):
        """What a git command left behind is named with the way out."""
        (live / ".git" / "MERGE_HEAD").write_text(git(live, "rev-parse", "HEAD") + "\n")
        (live / ".git" / "index.lock").touch()
        assert self.bad(call(live, "doctor")) == ["index", "unfinished"]


def test_every_verb_says_what_it_does(fresh: Path):
    """`--help` lists each verb with one line, and no verb that is only the engine's own."""
    said = call(fresh, "--help")
    verbs = [command.name or command.callback.__name__ for command in cli.app.registered_commands if not command.hidden]
    assert len(verbs) == 12
    assert {"search", "baselines", "insights", "next"} <= {line.split()[0] for line in said.lines if line.split()}
    assert all(re.search(rf"^\s+{verb}\s+\w", said.out, re.MULTILINE) for verb in verbs)
    assert not re.search(r"^\s+measure\s", said.out, re.MULTILINE)


def test_reads_need_no_heavy_import(live: Path):
    """Commands that only read the record import neither pandas nor scikit-learn, so that they answer at once."""
    script = (
        "import sys; sys.argv[1:] = ['status']\n"
        "from autoresearch import cli\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pandas', 'sklearn', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = run_real(live, sys.executable, "-c", script)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
