"""The state of a run, for people in lines and for programs as JSON."""

import dataclasses
import time
from typing import Any

from autoresearch import lines
from autoresearch.history import Summary
from autoresearch.trial import Trial

__all__ = ["LAST", "as_dict", "as_text"]

LAST = 5  # trials and reviews shown


def as_dict(history: Summary, now: float | None = None) -> dict[str, Any]:
    """Everything that `status --json` gives."""
    run, budget = history.run, history.run.study.budget
    claim = history.claim()
    return {
        "tag": run.tag,
        "state": "live" if run.ended is None else "ended",
        "ended": run.ended,
        "fingerprint": run.fingerprint,
        "metric": history.metric.name,
        "direction": history.metric.direction,
        "incumbent": _trial(history.incumbent),
        "parent": run.parent,
        "baseline": _trial(history.baseline),
        "trials": history.ended,
        "kept": history.kept,
        "failures_in_a_row": history.failures,
        "last": [_trial(trial) for trial in history.last],
        "noise": history.threshold(),
        "suspicious": run.bound,
        "isolation": history.last[-1].isolation,
        "budget": {
            "iterations": budget.iterations,
            "iterations_used": history.used_iterations,
            "hours": budget.hours,
            "hours_used": round(((now or time.time()) - run.resumed) / 3600, 3),
            "trial_seconds": budget.trial_seconds,
        },
        "claim": None if claim is None else dataclasses.asdict(claim),
        "audits": [dataclasses.asdict(audit) | {"answer": audit.answer} for audit in history.audits],
        "reviews": [{"n": review.n, "created": review.created, "text": review.text} for review in history.reviews],
        "warnings": list(run.warnings),
        "wording": lines.claim(history),
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "n": trial.n,
        "commit": trial.commit,
        "parent": trial.parent,
        "state": trial.state.value,
        "verdict": trial.verdict.value if trial.verdict else None,
        "score": trial.score,
        "se": trial.se,
        "delta": trial.delta,
        "delta_se": trial.delta_se,
        "hypothesis": trial.hypothesis,
        "error": trial.error,
    }


def as_text(history: Summary) -> str:
    """What `status` prints."""
    facts = as_dict(history)
    budget = facts["budget"]
    said = [
        f"run: {facts['tag']} ({facts['ended'] or 'live'})",
        lines.best(history),
        f"gain: {lines.claim(history)}",
        lines.noise(history),
        f"isolated: {facts['isolation']}",
        f"budget: {budget['iterations_used']} of {budget['iterations']} iterations, "
        f"{budget['hours_used']:.1f} of {budget['hours']:g} hours",
    ]
    if history.parent.n != history.incumbent.n:
        said.append(f"parent: trial {history.parent.n}, not the incumbent {history.incumbent.n}")
    if due := lines.last_review_due(history):
        said.append(due)
    said += [f"warning: {warning}" for warning in facts["warnings"]]
    said += [lines.review(review) for review in history.reviews[-LAST:]]
    said += [lines.iteration(history, trial) for trial in history.last]
    return "\n".join(said)
