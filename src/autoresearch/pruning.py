"""What is given up: a trial that cannot pass, families and variants that lose, what crashes; docs/search.md."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoresearch.acceptance import Rule
from autoresearch.design import Design, estimate
from autoresearch.metrics import Metric
from autoresearch.statistics import Gain, t_quantile
from autoresearch.trial import State
from autoresearch.tried import Cell, Level, Tried

__all__ = ["ALPHA", "CRASHES", "Dropped", "dropped", "futile"]

ALPHA = 0.05  # of the trials that would have passed, so many are stopped at most
CRASHES = 3  # in a row end a variant
MEMBERS = 2  # trials of a family before it is judged: one may have been an unlucky setting
SHARED = 2  # backgrounds in which a variant lost before it counts as dominated
Family = Mapping[tuple[str, str], str]
"""Slot and variant to its family."""


@dataclass(frozen=True)
class Dropped:
    """Variants of a slot that are tried no more, and why: ``family``, ``dominated`` or ``crashes``."""

    slot: str
    variants: tuple[str, ...]
    kind: str
    reason: str


def futile(rule: Rule, gain: Gain, planned: int, alpha: float = ALPHA) -> str | None:
    """Why a trial can be stopped after some of its repeats, or None: it may still pass.

    It is stopped when ``Δ_k + t(1 - alpha/looks, kF - 1) * s_k * sqrt(1/k - 1/J)`` is below what the rule asks for at
    the least, with J the repeats planned, F the folds of each, and s_k the deviation that a repeat's mean would have
    if the kF folds so far were independent. There are J - 1 looks: after the last repeat there is nothing to save.
    Given Δ_J the distance of Δ_k from it has the t distribution whatever the true gain, so that of the trials that
    would have passed at most `alpha` are stopped: exactly for independent normal folds, fewer where the folds of a
    repeat, which share out the same rows, make up for each other.

    Parameters
    ----------
    gain
        Over the incumbent, in the complete repeats so far.
    planned
        Repeats that both would have in the end.
    """
    screen, rest = gain.repeats[: rule.screens], gain.part(rule.screens)
    if planned > rule.screens and screen and not rule.decide(Gain(screen, gain.ratio, gain.row_se)).keep:
        first = Gain(screen, gain.ratio).delta
        if not first > 0:
            return f"first repeat Δ {first:+.4f}: screened out"
    done, planned, folds = len(rest.repeats), planned - rule.screens, rest.folds
    if not 1 <= done < planned or len(folds) < 2:
        return None
    deviation = statistics.stdev(folds) / math.sqrt(len(folds) / done)
    quantile = t_quantile(alpha / (planned - 1), len(folds) - 1)
    most = rest.delta + quantile * deviation * math.sqrt(1 / done - 1 / planned)
    bar = rule.bar(rest, planned)
    if most >= bar:
        return None
    count = f"{done} of {planned} repeats"
    return f"futile after {count}: Δ {rest.delta:+.4f}, at most {most:+.4f}, {bar:.4f} needed"


def dropped(
    metric: Metric, tried: Sequence[Tried], family: Family, ratio: float, alpha: float = ALPHA
) -> list[Dropped]:
    """All that is given up as things stand, slot by slot; each variant once, for the first reason that holds."""
    design = Design.of(metric, tried, ratio)
    found = _crashing(tried, design)
    for place in range(len(design.slots)):
        found += _families(design, place, family, alpha)
        found += _dominated(design, place, alpha)
    seen, once = set[tuple[str, str]](), list[Dropped]()
    for one in found:
        new = tuple(name for name in one.variants if (one.slot, name) not in seen)
        seen |= {(one.slot, name) for name in new}
        if new:
            once.append(Dropped(one.slot, new, one.kind, one.reason))
    return once


def _crashing(tried: Sequence[Tried], design: Design) -> list[Dropped]:
    """Variants with crashes in a row for which nothing else in the trial can be blamed."""
    proven = {(slot, name) for t in tried if t.state is State.COMPLETE for slot, name in t.choice.items()}
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for trial in tried:
        if trial.state in (State.COMPLETE, State.PRUNED):
            for part in trial.choice.items():
                rows[part].clear()
        elif trial.state.failed:
            suspects = [part for part in trial.choice.items() if part not in proven] or list(trial.choice.items())
            for part in suspects:
                rows[part].append(trial.reason)
    starts = {(slot, level.variant) for slot, level in zip(design.slots, _first(design), strict=False)}
    return [
        Dropped(slot, (name,), "crashes", f"crashed {len(reasons)} times in a row, last: {reasons[-1] or 'no reason'}")
        for (slot, name), reasons in rows.items()
        if len(reasons) >= CRASHES and (slot, name) not in starts
    ]


def _first(design: Design) -> Cell:
    """The first measured cell: a run's baseline, which is never given up."""
    return next(iter(design.cells), ())


def _families(design: Design, place: int, family: Family, alpha: float) -> list[Dropped]:
    """Families whose best lost to the best of the others beyond noise in every background that has both."""
    slot = design.slots[place]
    losses: dict[str, list[tuple[Cell, Cell]]] = defaultdict(list)
    members: dict[str, set[Cell]] = defaultdict(set)
    for levels in design.by_background[place].values():
        best: dict[str, Cell] = {}
        for level, cell in levels.items():
            name = family.get((slot, level.variant), level.variant)
            members[name].add(cell)
            if name not in best or design.mean(cell) > design.mean(best[name]):
                best[name] = cell
        for name, cell in best.items():
            others = [other for known, other in best.items() if known != name]
            if others:
                losses[name].append((max(others, key=design.mean), cell))
    levels_seen = {cell[place] for cells in members.values() for cell in cells}
    tail = alpha / max(1, len(levels_seen) * (len(members) - 1))  # the best of the others was picked from many
    found = []
    for name, pairs in losses.items():
        if len(members[name]) < MEMBERS or not all(_beyond(design, [pair], tail) for pair in pairs):
            continue
        variants = sorted({cell[place].variant for cell in members[name]} | _of(family, slot, name))
        gain = estimate(design.averaged(pairs), design.ratio)
        reason = f"family {name} loses {gain.delta:.4f} ± {gain.se:.4f} to the best other one, in every background"
        found.append(Dropped(slot, tuple(variants), "family", reason))
    return found


def _of(family: Family, slot: str, name: str) -> set[str]:
    return {variant for (known, variant), found in family.items() if (known, found) == (slot, name)}


def _dominated(design: Design, place: int, alpha: float) -> list[Dropped]:
    """Variants that lost beyond noise, and nowhere won, against the one that wins most backgrounds."""
    backgrounds = list(design.by_background[place].values())
    wins: dict[Level, int] = defaultdict(int)
    for levels in backgrounds:
        if len(levels) > 1:
            wins[max(levels, key=lambda level: design.mean(levels[level]))] += 1
    if not wins:
        return []
    best = max(sorted(wins), key=lambda level: wins[level])
    names = sorted({level for levels in backgrounds for level in levels} - {best})
    tail = alpha / max(1, len(names) * (len(names) + 1))  # any of them could have come out best
    found = []
    for name in names:
        pairs = [(levels[best], levels[name]) for levels in backgrounds if best in levels and name in levels]
        won = any(design.mean(loser) > design.mean(winner) for winner, loser in pairs)
        if (
            name.params
            or name.variant == best.variant
            or won
            or len(pairs) < SHARED
            or not _beyond(design, pairs, tail)
        ):
            continue
        gain = estimate(design.averaged(pairs), design.ratio)
        reason = f"loses {gain.delta:.4f} ± {gain.se:.4f} to {best} over {len(pairs)} backgrounds"
        found.append(Dropped(design.slots[place], (name.variant,), "dominated", reason))
    return found


def _beyond(design: Design, pairs: Sequence[tuple[Cell, Cell]], tail: float) -> bool:
    """Whether the first of each pair gains more than noise explains; nothing is, on a single split."""
    folds = design.averaged(pairs)
    gain = estimate(folds, design.ratio)
    return len(folds) > 1 and gain.delta > 0 and gain.delta > t_quantile(min(tail, 0.49), len(folds) - 1) * gain.se
