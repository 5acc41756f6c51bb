"""A client in a process of its own, to be killed: has the study in argv[1] measure the source on stdin."""

import sys
from pathlib import Path

from autoresearch.service import RemoteScorer
from autoresearch.study import load

root = Path(sys.argv[1])
study = load(root / "study.toml")
predictions = root / ".git" / "autoresearch" / "predictions"
RemoteScorer(root, root / ".git", predictions, study).evaluate(sys.stdin.read(), 1)
