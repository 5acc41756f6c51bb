"""Digests of a run: what is counted and ranked by the ledger's indices, without reading every trial with its source."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoresearch.history import Summary
from autoresearch.ledger import Ledger
from autoresearch.run import Run
from autoresearch.trial import State
from autoresearch.tried import Tried

if TYPE_CHECKING:
    from autoresearch.insights import Facts

__all__ = ["Digests"]

DESIGN = 1_000  # compositions as their files have them, whose fold scores are read
CRASHES = 500  # latest ones whose reasons are read
NEAREST = 5

COUNTS = """
    SELECT COUNT(*) AS ended, SUM(state IN ('complete', 'pruned')) AS compared, SUM(verdict IS 'keep') AS kept,
        SUM(n > ?) AS used,
        MAX(CASE WHEN verdict = 'keep' THEN n END) AS incumbent,
        MAX(CASE WHEN state NOT IN ('crashed', 'timed_out') THEN n END) AS fine
    FROM trial WHERE tag = ? AND state NOT IN ('running', 'interrupted')
"""
LATEST = "SELECT n FROM trial WHERE tag = ? AND state NOT IN ('running', 'interrupted') ORDER BY n DESC LIMIT ?"
AFTER = "SELECT COUNT(*) FROM trial WHERE tag = ? AND state NOT IN ('running', 'interrupted') AND n > ?"
COMPARED = "SELECT COUNT(*) FROM trial WHERE tag = ? AND state = 'complete' AND delta_se IS NOT NULL"
NOISE = """
    SELECT delta_se FROM trial WHERE tag = ? AND state = 'complete' AND delta_se IS NOT NULL
    ORDER BY delta_se LIMIT 1 OFFSET ?
"""
# From one to the next in the index: DISTINCT would read every row of it.
DISTINCT = """
    WITH RECURSIVE seen (variant) AS (
        SELECT MIN(variant) FROM choice WHERE tag = ? UNION ALL
        SELECT (SELECT MIN(variant) FROM choice WHERE tag = ? AND variant > seen.variant) FROM seen
        WHERE seen.variant IS NOT NULL
    )
    SELECT variant FROM seen WHERE variant IS NOT NULL
"""
COMPOSED = """
    SELECT trial.n, state, verdict, scores, error, reason, variant, params FROM choice
    JOIN trial USING (tag, n) WHERE choice.tag = ? ORDER BY choice.n
"""
PLAIN = """
    SELECT trial.n, state, verdict, scores, error, reason, variant, params FROM choice
    JOIN trial USING (tag, n) WHERE choice.tag = ? AND choice.params = '{}' ORDER BY choice.n LIMIT ?
"""


@dataclass(frozen=True)
class Digests:
    """The digests of one run."""

    ledger: Ledger
    run: Run

    def summary(self, last: int) -> Summary:
        """Where the run stands, with its `last` trials that ended."""
        ledger, tag = self.ledger, self.run.tag
        (facts,) = ledger.read(COUNTS, self.run.resumed_n, tag)
        latest = ledger.read(LATEST, tag, last)
        (failed,) = ledger.read(AFTER, tag, facts["fine"])
        return Summary(
            run=self.run,
            baseline=ledger.trial(tag, 0),
            incumbent=ledger.trial(tag, facts["incumbent"]),
            parent=ledger.trial(tag, self.run.parent),
            last=[ledger.trial(tag, row["n"]) for row in reversed(latest)],
            ended=facts["ended"],
            compared=facts["compared"],
            kept=facts["kept"] - 1,
            used_iterations=facts["used"],
            failures=failed[0],
            noise=self._median_se(),
            audits=ledger.audits(tag),
            opened=ledger.audits_elsewhere(self.run),
            reviews=ledger.reviews(tag),
        )

    def _median_se(self) -> float | None:
        ((count,),) = self.ledger.read(COMPARED, self.run.tag)
        if not count:
            return None
        return float(self.ledger.read(NOISE, self.run.tag, count // 2)[0][0])

    def tried(self, most: int | None = None) -> list[Tried]:
        """The run's compositions in trial order.

        Parameters
        ----------
        most
            Only those without parameters of their own, and of them the first so many.
        """
        tag = self.run.tag
        rows = self.ledger.read(COMPOSED, tag) if most is None else self.ledger.read(PLAIN, tag, most)
        scores = json.loads(f"[{','.join(row['scores'] for row in rows)}]")
        return [
            Tried(
                n=row["n"],
                choice=json.loads(row["variant"]),
                params={name: _literal(value) for name, value in json.loads(row["params"]).items()},
                repeats=tuple(map(tuple, repeats)),
                state=State(row["state"]),
                reason=row["error"] or row["reason"],
                kept=row["verdict"] == "keep",
            )
            for row, repeats in zip(rows, scores, strict=True)
        ]

    def facts(self) -> "Facts":
        """What insights are drawn from."""
        from autoresearch.insights import Crash, Facts, NearMiss

        tag, read = self.run.tag, self.ledger.read
        states = {
            row["state"]: row[1] for row in read("SELECT state, COUNT(*) FROM trial WHERE tag = ? GROUP BY 1", tag)
        }
        crashes = read(
            "SELECT n, error FROM trial WHERE tag = ? AND state IN ('crashed', 'timed_out') ORDER BY n DESC LIMIT ?",
            tag,
            CRASHES,
        )
        misses = read(
            "SELECT n, delta, delta_se FROM trial WHERE tag = ? AND verdict = 'discard' AND delta > -delta_se "
            "ORDER BY delta DESC LIMIT ?",
            tag,
            NEAREST,
        )
        ((composed, plain),) = read("SELECT COUNT(*), TOTAL(params = '{}') FROM choice WHERE tag = ?", tag)
        variants = read(DISTINCT, tag, tag)
        return Facts(
            summary=self.summary(1),
            states={State(name): count for name, count in states.items()},
            crashes=[Crash(row["n"], row["error"] or "no reason") for row in crashes],
            near_misses=[
                NearMiss(row["n"], row["delta"], row["delta_se"], self.ledger.trial(tag, row["n"]).hypothesis)
                for row in misses
            ],
            composed=composed,
            plain=int(plain),
            seen=[json.loads(row["variant"]) for row in variants],
            tried=self.tried(DESIGN),
        )


def _literal(value: object) -> object:
    """A parameter's value as it was: JSON has lists for tuples."""
    return tuple(value) if isinstance(value, list) else value
