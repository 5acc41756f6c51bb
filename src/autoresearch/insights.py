"""Insights: what a run has taught so far, for who goes on with it, in under sixty lines. Pure."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from autoresearch import lines
from autoresearch.design import Design, Effect
from autoresearch.history import Summary
from autoresearch.interactions import Interaction, described, interactions
from autoresearch.pruning import Dropped, dropped
from autoresearch.trial import State
from autoresearch.tried import Level, Tried

__all__ = ["Crash", "Facts", "Insights", "NearMiss", "as_dict", "as_text", "insights"]

BEST, WORST = 4, 2  # variants of a slot that are named
PAIRS = 2  # interactions that are spelled out, and as many more in a line
REASONS, REGIONS = 4, 6
WIDTH = 150


@dataclass(frozen=True)
class Crash:
    """A trial that failed, and its error in one line."""

    n: int
    error: str


@dataclass(frozen=True)
class NearMiss:
    """A discarded trial that gained, or lost no more than its standard error, against the incumbent of its moment."""

    n: int
    delta: float
    delta_se: float
    hypothesis: str


@dataclass(frozen=True)
class Facts:
    """What the ledger knows of a run.

    Parameters
    ----------
    states
        How many trials are in each state.
    crashes
        The latest ones, newest first.
    composed, plain
        Trials that are compositions of variants, and of them those without parameters of their own.
    seen
        Slot to variant of every composition that was tried.
    tried
        Plain compositions with their fold scores, the first ones where there are very many.
    """

    summary: Summary
    states: Mapping[State, int]
    crashes: Sequence[Crash]
    near_misses: Sequence[NearMiss]
    composed: int
    plain: int
    seen: Sequence[Mapping[str, str]]
    tried: Sequence[Tried]


@dataclass(frozen=True)
class Insights:
    """What follows from the facts.

    Parameters
    ----------
    rankings
        Slot to the effects of its variants against the starting one, best first.
    reasons
        Kinds of errors and how often, with the latest trial of each.
    untried
        Slot to families of the library that no trial used; and pairs of families that none combined.
    """

    facts: Facts
    start: Mapping[str, str]
    rankings: Mapping[str, Sequence[Effect]]
    interactions: Sequence[Interaction]
    dead: Sequence[Dropped]
    reasons: Sequence[tuple[str, int, int]]
    untried: Mapping[str, Sequence[str]]


Family = Mapping[tuple[str, str], str]


def insights(facts: Facts, family: Family) -> Insights:
    """Draw them.

    Parameters
    ----------
    family
        Slot and variant of the library to family.
    """
    metric, ratio = facts.summary.metric, facts.summary.baseline.ratio
    design = Design.of(metric, facts.tried, ratio)
    first = next(iter(design.cells), ())
    rankings = {slot: design.effects(place, first[place]) for place, slot in enumerate(design.slots) if first}
    return Insights(
        facts=facts,
        start=dict(zip(design.slots, map(str, first), strict=False)),
        rankings=rankings,
        interactions=interactions(metric, _leading(facts.tried, rankings, first), first, ratio) if first else [],
        dead=dropped(metric, facts.tried, family, ratio),
        reasons=_reasons(facts.crashes),
        untried=_untried(facts.seen, family),
    )


LEADING = 8  # variants of a slot whose interactions are looked at, by what they gain alone


def _leading(tried: Sequence[Tried], rankings: Mapping[str, Sequence[Effect]], first: Sequence[Level]) -> list[Tried]:
    """Trials of the leading variants: chosen by their own gains, so that the false discovery rate stays what it is."""
    named = {
        slot: {level.variant} | {effect.level.variant for effect in rankings[slot][:LEADING]}
        for slot, level in zip(rankings, first, strict=True)
    }
    return [trial for trial in tried if all(trial.choice[slot] in names for slot, names in named.items())]


def _reasons(crashes: Sequence[Crash]) -> list[tuple[str, int, int]]:
    """Errors by kind, what differs from case to case in them left out; most frequent first."""
    kinds = [(re.sub(r"['\"].*?['\"]|\d+(\.\d+)?", "…", crash.error), crash) for crash in crashes]
    counts, latest = Counter(kind for kind, _ in kinds), dict[str, Crash]()
    for kind, crash in kinds:
        latest.setdefault(kind, crash)
    return [(latest[kind].error, count, latest[kind].n) for kind, count in counts.most_common()]


def _untried(seen: Sequence[Mapping[str, str]], family: Family) -> dict[str, list[str]]:
    used = {(slot, family.get((slot, name), name)) for choice in seen for slot, name in choice.items()}
    known: dict[str, set[str]] = {}
    for (slot, _), name in family.items():
        known.setdefault(slot, set()).add(name)
    found = {slot: sorted(name for name in names if (slot, name) not in used) for slot, names in known.items()}
    slots = list(known)[-2:]
    if seen and len(slots) == 2:
        both = {tuple(family.get((slot, choice.get(slot, "")), "") for slot in slots) for choice in seen}
        left = [f"{a} with {b}" for b in sorted(known[slots[1]]) for a in sorted(known[slots[0]]) if (a, b) not in both]
        found[" x ".join(slots)] = left
    return found


def as_dict(found: Insights) -> dict[str, Any]:
    """Everything that `insights --json` gives."""
    facts = found.facts
    return {
        "tag": facts.summary.run.tag,
        "trials": {state.value: count for state, count in facts.states.items()},
        "composed": facts.composed,
        "ranked": len(facts.tried),
        "start": dict(found.start),
        "rankings": {
            slot: [
                {"variant": str(e.level), "gain": e.gain.delta, "se": _number(e.gain.se), "backgrounds": e.backgrounds}
                for e in effects
            ]
            for slot, effects in found.rankings.items()
        },
        "interactions": [_pair(one) for one in found.interactions],
        "dead": [dataclasses.asdict(one) | {"variants": list(one.variants)} for one in found.dead],
        "crashes": [{"error": error, "count": count, "latest": n} for error, count, n in found.reasons],
        "near_misses": [dataclasses.asdict(one) for one in facts.near_misses],
        "untried": {name: list(values) for name, values in found.untried.items()},
    }


def _pair(one: Interaction) -> dict[str, Any]:
    return {
        "pair": [f"{slot} {level}" for slot, level in one.pair],
        "backgrounds": one.backgrounds,
        "first_solo": _number(one.first_solo),
        "second_solo": _number(one.second_solo),
        "predicted": _number(one.predicted),
        "actual": _number(one.actual),
        "delta": _number(one.amount.delta),
        "se": _number(one.amount.se),
        "shrunken": one.shrunken,
        "discovered": one.discovered,
        "kind": one.kind if one.backgrounds else None,
        "missing": [[str(level) for level in cell] for cell in one.missing],
    }


def _number(value: float) -> float | None:
    """JSON has no nan."""
    return None if math.isnan(value) else value


def as_text(found: Insights) -> str:
    """What `insights` prints."""
    facts = found.facts
    states = ", ".join(f"{count} {state.value}" for state, count in facts.states.items())
    said = [f"trials: {states}; {facts.composed} are compositions of variants", lines.best(facts.summary)]
    said.append(lines.noise(facts.summary))
    said += [line for slot, effects in found.rankings.items() for line in _ranking(found, slot, effects)]
    if facts.plain > len(facts.tried):
        said.append(f"ranked are the first {len(facts.tried)} of {facts.plain} compositions without parameters")
    said += _interactions(found.interactions)
    said += [
        f"given up ({one.kind}): {one.slot} {', '.join(one.variants)}: {one.reason}" for one in found.dead[:REASONS]
    ]
    said += _more(len(found.dead) - REASONS, "given up")
    said += [f"crash, {count} times, last in trial {n}: {error}" for error, count, n in found.reasons[:REASONS]]
    said += _more(len(found.reasons) - REASONS, "kinds of crashes")
    said += [
        f"near miss: trial {one.n}, Δ {one.delta:+.4f} ± {one.delta_se:.4f}: {one.hypothesis}"
        for one in facts.near_misses
    ]
    said += [_region(name, values) for name, values in found.untried.items() if values]
    return "\n".join(shorten(line, WIDTH, placeholder=" …") if not line.startswith(" ") else line for line in said)


def _ranking(found: Insights, slot: str, effects: Sequence[Effect]) -> list[str]:
    if not effects:
        return []
    named = list(effects) if len(effects) <= BEST + WORST + 1 else [*effects[:BEST], None, *effects[-WORST:]]
    said = [f"{slot}, gain over {found.start[slot]} (pairs that differ in nothing else):"]
    for effect in named:
        if effect is None:
            said.append(f"  … {len(effects) - BEST - WORST} between")
        else:
            gain = f"{effect.gain.delta:+.4f} ± {effect.gain.se:.4f}"
            said.append(
                f"  {effect.level}: {gain} ({effect.backgrounds} {'pair' if effect.backgrounds == 1 else 'pairs'})"
            )
    return said


def _interactions(found: Sequence[Interaction]) -> list[str]:
    measured = [one for one in found if one.backgrounds]
    beyond = [one for one in measured if one.discovered]
    if not found:
        return []
    said = [
        f"interactions: {len(measured)} pairs measured, {len(beyond)} beyond noise at a false discovery rate of 10 %"
    ]
    strongest = sorted(beyond, key=lambda one: -abs(one.shrunken))
    return said + [f"  {line}" for one in strongest[:PAIRS] for line in described(one)]


def _region(name: str, values: Sequence[str]) -> str:
    more = f", and {len(values) - REGIONS} more" if len(values) > REGIONS else ""
    return f"untried {name}: {', '.join(values[:REGIONS])}{more}"


def _more(count: int, what: str) -> list[str]:
    return [f"… and {count} more {what}"] if count > 0 else []
