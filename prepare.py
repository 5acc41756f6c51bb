"""The frozen harness: prepares the study that study.toml names, and measures train.py for a person.

    uv run prepare.py     splits the table, seals the holdout, leaves the training rows in data/
    evaluate(__file__)    what train.py calls: asks the scorer and prints the contract's lines

Nothing is fitted before the split. What is printed by `evaluate` is a sanity check and never evidence:
the scorer is another process, which never runs train.py. Nobody edits this file during a run.
"""

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from autoresearch import checks, data, profile
from autoresearch.errors import AutoresearchError
from autoresearch.session import open_loop

ROOT = Path(__file__).resolve().parent


def evaluate(file: str) -> NoReturn:
    """Have the scorer measure `file`, and exit: 0 scored, 2 timed out, 3 crashed, 1 refused."""
    command = [sys.executable, "-m", "autoresearch", "measure", str(Path(file).resolve())]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def main() -> int:
    """Prepare the study, and say what it is."""
    try:
        with open_loop(ROOT) as loop:
            checks.same_study(loop.workspace)
            study = loop.workspace.study()
            prepared = data.prepare(ROOT, study)
        rows = profile.rows_of(data.training(ROOT, study, prepared), study, prepared)
        page = profile.write(ROOT, rows, prepared)
    except AutoresearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"study: {prepared.name}")
    print(f"rows: {prepared.rows} for training, {prepared.holdout_rows} sealed")
    print(f"columns: {prepared.columns} with the target {study.study.target!r}")
    print(f"balance: {prepared.balance}")
    print(f"metric: {study.metric.name} ({study.metric.direction}), suspicious beyond {prepared.suspicious:.4g}")
    print(f"cv: {prepared.folds} folds x {prepared.repeats} repeats")
    print(f"provable: a first audit could prove a gain of about {prepared.provable:.3f}, as forecast")
    print(f"fingerprint: {prepared.fingerprint}")
    profile.show(rows, prepared)
    print(f"profile: {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
