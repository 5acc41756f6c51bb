"""Counts of a run, read from the ledger: whole trials only where they are told of, and those without their texts."""

import json
import sqlite3
from typing import Any

from autoresearch import endings, metrics
from autoresearch.hooks.standing import Standing
from autoresearch.hooks.state import Here
from autoresearch.trial import State, Trial, Verdict

__all__ = ["read"]

COUNTS = """
    SELECT COUNT(*) AS made, TOTAL(n > ?) AS used,
        MAX(CASE WHEN verdict = 'keep' THEN n END) AS incumbent,
        MAX(CASE WHEN state NOT IN ('crashed', 'timed_out') THEN n END) AS fine
    FROM trial WHERE tag = ? AND state NOT IN ('running', 'interrupted')
"""
BEYOND = """
    SELECT n, score FROM trial WHERE tag = ? AND state = 'complete' AND n > ?
        AND CASE ? WHEN 'maximize' THEN score > ? ELSE score < ? END
    ORDER BY n LIMIT 1
"""
FAILED = "SELECT COUNT(*) FROM trial WHERE tag = ? AND n > ? AND state NOT IN ('running', 'interrupted')"
LATEST = """
    SELECT * FROM trial WHERE tag = ? AND state NOT IN ('running', 'interrupted') ORDER BY n DESC LIMIT ?
"""
ONE = "SELECT * FROM trial WHERE tag = ? AND n = ?"
TOLD = (
    "tag", "n", "parent", "base", "commit", "hypothesis", "created", "reason", "error",
    "score", "se", "delta", "delta_se", "ratio", "total_se",
)  # fmt: skip


def read(here: Here, now: float, last: int) -> Standing | None:
    """Where the run on the checked-out branch stands, with its `last` trials; None where there is none."""
    run = here.run()
    if run is None:
        return None
    tag, study = here.tag, json.loads(run["study"])
    metric, budget = metrics.lookup(study["evaluation"]["metric"]), study["budget"]
    (counts,) = here.rows(COUNTS, run["resumed_n"], tag)
    beyond = here.rows(BEYOND, tag, run["resumed_n"], metric.direction, run["bound"], run["bound"])
    ended = (
        run["ended"]
        or endings.suspicious(metric, run["bound"], [(row["n"], row["score"]) for row in beyond])
        or endings.spent(int(counts["used"]), budget["iterations"], now - run["resumed"], budget["hours"])
    )
    return Standing(
        tag=tag,
        ended=ended,
        used=int(counts["used"]),
        iterations=budget["iterations"],
        made=counts["made"],
        failures=here.rows(FAILED, tag, counts["fine"])[0][0],
        parent=run["parent"],
        metric=metric,
        baseline=_trial(here.rows(ONE, tag, 0)[0]),
        incumbent=_trial(here.rows(ONE, tag, counts["incumbent"])[0]),
        last=[_trial(row) for row in reversed(here.rows(LATEST, tag, last))],
    )


def _trial(row: sqlite3.Row) -> Trial:
    """A trial without its texts, which nobody is told of here."""
    told: dict[str, Any] = {name: row[name] for name in TOLD}
    told["state"] = State(row["state"])
    told["verdict"] = Verdict(row["verdict"]) if row["verdict"] else None
    told["scores"] = tuple(map(tuple, json.loads(row["scores"])))
    return Trial(blob="", source="", code="", seedless="", **told)
