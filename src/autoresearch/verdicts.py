"""From a source to its verdict: the pure steps of a trial, between the scorer and the ledger."""

from dataclasses import replace

from autoresearch import acceptance, source
from autoresearch.history import History
from autoresearch.metrics import Metric
from autoresearch.run import Run
from autoresearch.statistics import corrected_se, mean, paired_gains
from autoresearch.study import Study
from autoresearch.trial import Evaluation, State, Trial, Verdict

__all__ = ["affordable_repeats", "begun", "judge", "scored", "suspicious_bound"]

BASELINE_SHARE = 0.1  # of the trial budget: the repeats that the baseline completes in it are the run's


def begun(run: Run, text: str, parent: int | None, base: str, blob: str, now: float) -> Trial:
    """Make the trial of a source; its number is the ledger's to give."""
    prints = source.fingerprints(text)
    return Trial(
        tag=run.tag,
        n=0,
        parent=parent,
        base=base,
        blob=blob,
        source=text,
        hypothesis=source.hypothesis(text),
        code=prints.code,
        seedless=prints.seedless,
        created=now,
    )


def scored(trial: Trial, found: Evaluation) -> Trial:
    """Enter what was measured into a trial; a failure has no score, and neither has a pruned one."""
    folds = [score for repeat in found.scores for score in repeat] if found.state is State.COMPLETE else []
    return replace(
        trial,
        state=found.state,
        scores=found.scores,
        ratio=found.ratio,
        score=mean(found.scores) if folds else None,
        se=corrected_se(folds, found.ratio) if len(folds) > 1 else None,
        test_score=found.test_score,
        wall_s=found.wall_s,
        cpu_s=found.cpu_s,
        peak_mb=found.peak_mb,
        isolation=found.isolation,
        error=found.error,
        traceback=found.traceback,
        note=found.note,
        predictions=found.predictions,
    )


def judge(history: History, trial: Trial, row_se: float | None, total_se: float | None) -> Trial:
    """Give the verdict on a trial with a score, or pruned, of which its note says why; a failed one stays as it is.

    Parameters
    ----------
    row_se, total_se
        Row-level SE against the incumbent and the baseline, for single splits; else None.
    """
    if trial.state is State.PRUNED:
        reason = trial.note or f"pruned after {len(trial.scores)} repeats"
        return replace(trial, verdict=Verdict.DISCARD, rule="futility", reason=reason, note="")
    if trial.state is not State.COMPLETE:
        return trial
    incumbent, settings = history.incumbent, history.run.study.acceptance
    gain = paired_gains(history.metric, incumbent.scores, trial.scores, trial.ratio, row_se)
    lost = len(incumbent.source.splitlines()) - len(trial.source.splitlines())
    rule = acceptance.lookup(settings.rule)
    decision = acceptance.decide(rule, gain, simplify=settings.simplify, lines_lost=lost)
    note, shared = trial.note, len(gain.repeats)
    if shared < len(incumbent.scores):
        note = f"{note}; compared on the {shared} repeats that both completed".strip("; ")
    return replace(
        trial,
        verdict=Verdict.KEEP if decision.keep else Verdict.DISCARD,
        rule=decision.rule,
        reason=decision.reason,
        delta=gain.delta,
        delta_se=gain.se,
        total_se=total_se,
        note=note,
    )


def affordable_repeats(study: Study, baseline: Evaluation) -> int:
    """Repeats that the baseline completes in a tenth of the trial budget: at least one, at most those measured."""
    each = baseline.wall_s / len(baseline.scores)
    return max(1, min(len(baseline.scores), int(study.budget.trial_seconds * BASELINE_SHARE / max(each, 1e-9))))


def suspicious_bound(metric: Metric, score: float, usual: float) -> tuple[float, str | None]:
    """The bound of a run, and a warning where the baseline itself stands beyond the usual one.

    The bound then lies halfway between the baseline and a perfect score.
    """
    if not metric.better(score, than=usual):
        return usual, None
    bound = score + (metric.perfect - score) / 2
    return bound, (
        f"the baseline's {score:.4f} is beyond the suspicious bound {usual:.4f}: "
        f"check the table for leakage; the bound of this run is {bound:.4f}"
    )
