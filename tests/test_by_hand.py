"""The nine steps by hand, as program.md's table prints them: git, uv run train.py, grep."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import repository

from autoresearch import service
from autoresearch.workspace import open_workspace

REPOSITORY = Path(__file__).parents[1]
ROWS = re.findall(
    r"^\| (\d) \| .+? \| .+? \| (.+) \|$", (REPOSITORY / "program.md").read_text(encoding="utf-8"), flags=re.MULTILINE
)
STEPS = {int(n): [c.replace("\\|", "|") for c in re.findall(r"`([^`]+)`", cell)] for n, cell in ROWS}
FILES = ("study.toml", "prepare.py", "program.md", "train.py", ".gitignore")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The face in a repository of its own, with a `uv` that runs this environment's Python."""
    root = repository(tmp_path / "clone", {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in FILES})
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(f'#!/bin/sh\nshift\ncase "$1" in *.py) exec {sys.executable} "$@";; esac\nexec "$@"\n')
    (tools / "uv").chmod(0o755)
    for key, value in (("user.name", "Ann"), ("user.email", "ann@example.org")):
        subprocess.run(["git", "config", key, value], cwd=root, check=True)
    return root


def shell(command: str, root: Path) -> str:
    """Run a command line as a person would; gives what it printed."""
    path = f"{root.parent / 'tools'}:{Path(sys.executable).parent}"
    done = subprocess.run(
        ["bash", "-c", f'export PATH="{path}:$PATH"; {command}'], cwd=root, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def edit(root: Path, strength: str) -> None:
    """Write another strength of shrinkage into train.py."""
    train = root / "train.py"
    text = re.sub(r"LogisticRegression\(.*\)", f"LogisticRegression({strength}max_iter=1000)", train.read_text())
    train.write_text(re.sub(r"HYPOTHESIS = .*", f'HYPOTHESIS = "shrink: {strength}"', text))


def iteration(root: Path, strength: str) -> str:
    """Steps 1 to 8 by hand; gives the lines that step 5 greps."""
    assert len(STEPS) == 9
    assert "autoresearch/by-hand" in shell("; ".join(STEPS[1]), root)
    edit(root, strength)
    shell(STEPS[3][0], root)
    shell(STEPS[4][0], root)
    found = shell(STEPS[5][0], root)
    shell(STEPS[6][0], root)
    logged = shell(STEPS[7][-1], root)
    if " KEPT " not in found:
        assert "keep" not in logged.split("\t")[-2]
        shell(STEPS[8][-1], root)
    return found


@pytest.mark.slow
def test_the_nine_steps_by_hand_give_the_same_record(clone: Path) -> None:
    """A kept, a discarded and a crashed iteration by hand leave branch, train.py, ledger and results.tsv agreeing."""
    assert "BASELINE" in shell("uv run autoresearch start by-hand", clone)
    try:
        kept = iteration(clone, "C=0.05, ")
        assert re.search(r"^val_auc: 0\.9\d+$", kept, flags=re.MULTILINE)
        assert "status: ok" in kept
        assert " KEPT " in kept
        best = (clone / "train.py").read_text()
        assert " DISCARDED " in iteration(clone, "C=1e-6, ")
        assert (clone / "train.py").read_text() == best
        crashed = iteration(clone, "C=-1.0, ")
        assert "status: crashed (" in crashed
        assert (clone / "train.py").read_text() == best
        history = open_workspace(clone).current()
        assert [trial.label for trial in history.trials] == ["KEPT", "KEPT", "DISCARDED", "CRASHED"]
        assert all(trial.settled and trial.by_hand for trial in history.trials[1:])
        assert shell("git show HEAD:train.py", clone) == history.incumbent.source
        assert shell("git status --porcelain", clone) == ""
        edit(clone, "C=0.04, ")
        assert "iter 4 | " in shell("uv run autoresearch step", clone)
        assert len((clone / "results.tsv").read_text().splitlines()) == 6
    finally:
        service.stop(clone / ".git")
