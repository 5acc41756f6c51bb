"""The audit: baseline and incumbent on the sealed rows, once, with an interval that keeps its level."""

import time

import numpy as np

from autoresearch.clusters import cluster_compare
from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.intervals import audit_level
from autoresearch.run import AuditRecord
from autoresearch.scorer import Scorer

__all__ = ["audit"]


def audit(history: History, scorer: Scorer) -> AuditRecord:
    """Refit baseline and incumbent on all training rows and compare them on the holdout.

    The j-th audit of these rows spends alpha = .05/2^j; it is entered in the vault before any label is read.

    Raises
    ------
    AutoresearchError
        Nothing was kept, the rows are not the run's, or one of the two gives no prediction for them; no audit
        is spent then.
    """
    before, after = history.baseline, history.incumbent
    if before is after:
        raise AutoresearchError("nothing was kept beyond the baseline: there is no gain to audit")
    if scorer.prepared.fingerprint != history.run.fingerprint:
        raise AutoresearchError(
            f"the table was changed since: what is prepared here has fingerprint {scorer.prepared.fingerprint}, "
            f"run {history.run.tag!r} has fingerprint {history.run.fingerprint}; "
            "put the table back and run `uv run prepare.py`, or audit a run over the new one"
        )
    try:
        responses = [scorer.on_holdout(trial.source) for trial in (before, after)]
    except ValueError as error:
        raise AutoresearchError(f"no audit was spent: refitted on all training rows, {error}") from None
    seal = scorer.prepared.seal
    with seal.spend(history.run.tag) as number:
        (y, first), (_, second) = responses
        rng = np.random.default_rng([number, seal.row_seed])
        groups = scorer.sealed_clusters()
        found = cluster_compare(history.metric, y, first, second, audit_level(number), rng, groups)
    return AuditRecord(
        tag=history.run.tag,
        created=time.time(),
        number=number,
        baseline=before.n,
        incumbent=after.n,
        before=found.before,
        after=found.after,
        delta=found.delta,
        low=found.low,
        high=found.high,
        alpha=found.alpha,
        method=found.method,
        unsealed=seal.unsealed,
    )
