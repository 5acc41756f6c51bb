"""Why a run is to end: a score too good to be true, or a spent budget. Pure, and quick to import: hooks ask it too."""

from collections.abc import Iterable

from autoresearch.metrics import Metric

__all__ = ["spent", "suspicious"]


def suspicious(metric: Metric, bound: float, scored: Iterable[tuple[int, float | None]]) -> str | None:
    """Which of `scored` (a trial's number, its score) is beyond the bound, and what to do; None where none is."""
    for n, score in scored:
        if score is not None and metric.better(score, than=bound):
            return f"SUSPICIOUS: trial {n} scored {score:.4f}, beyond the bound of {bound:.4f}; look for leakage first"
    return None


def spent(used: int, iterations: int, seconds: float, hours: float) -> str | None:
    """Which budget is spent after `used` iterations and `seconds`; None while both last."""
    if used >= iterations:
        return f"its budget of {iterations} iterations is spent"
    if seconds >= hours * 3600:
        return f"its budget of {hours:g} hours is spent"
    return None
