"""The frozen harness: prepares the study that study.toml names, and measures train.py for a person.

    uv run prepare.py                           splits the table, seals the holdout, leaves the training rows in data/
    uv run prepare.py my.csv --target churn     drafts study.toml for that table first; --help lists what can be said
    evaluate(__file__)                          what train.py calls: asks the scorer, prints the contract's lines

Nothing is fitted before the split. What is printed by `evaluate` is a sanity check and never evidence:
the scorer is another process, which never runs train.py. Nobody edits this file during a run.
"""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from autoresearch.prepared import Prepared
    from autoresearch.study import Study

ROOT = Path(__file__).resolve().parent


def evaluate(file: str) -> NoReturn:
    """Have the scorer measure `file`, and exit: 0 scored, 2 timed out, 3 crashed, 1 refused."""
    command = [sys.executable, "-m", "autoresearch", "measure", str(Path(file).resolve())]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def main() -> int:
    """Prepare the study, and say what it is."""
    from autoresearch import checks, data, drafts, face, profile
    from autoresearch.errors import AutoresearchError
    from autoresearch.study import load
    from autoresearch.workspace import workspace_at

    try:
        draft = drafts.draft(ROOT, sys.argv[1:]) if sys.argv[1:] else None
        study = draft.study if draft else load(ROOT / "study.toml")
        workspace = workspace_at(ROOT)
        live = checks.same_study(workspace, study)
        prepared = data.prepare(ROOT, study, only=live, loaded=draft.loaded if draft else None)
        for line in (*draft.write(workspace), *draft.reasons) if draft else ():
            print(line)
        if draft:
            print(face.write_baseline(workspace, study, prepared))
        draft = None  # and with it the whole table: from here on training rows are enough
        say(study, prepared)
        rows = profile.rows_of(data.training(ROOT, study, prepared), study, prepared)
        profile.show(rows, prepared)
        page = profile.write(ROOT, rows, prepared)
    except AutoresearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"profile: {page.relative_to(ROOT)}")
    return 0


def say(study: "Study", prepared: "Prepared") -> None:
    """Print what the study is."""
    print(f"study: {prepared.name}")
    print(f"table: {study.study.data}, {prepared.described}")
    print(f"rows: {prepared.rows} for training, {prepared.holdout_rows} sealed")
    print(f"columns: {prepared.columns} with the target {study.study.target!r}")
    print(f"balance: {prepared.balance}")
    print(f"metric: {study.metric.name} ({study.metric.direction}), suspicious beyond {prepared.suspicious:.4g}")
    print(f"cv: {prepared.folds} folds x {prepared.repeats} repeats")
    print(f"provable: a first audit could prove a gain of about {prepared.provable:.3f}, as forecast")
    print(f"fingerprint: {prepared.fingerprint}")
    sys.stdout.flush()  # what follows takes its time


if __name__ == "__main__":
    sys.exit(main())
