"""The acceptance rules: what a search keeps. A search decision, not a claim; docs/acceptance.md says why.

A new rule is a small class and an entry of `RULES`. Rules are pure: the same gain gives the same decision.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from autoresearch.errors import StudyError
from autoresearch.statistics import Gain

__all__ = ["RULES", "Confirm", "Decision", "OneSE", "Rule", "Strict", "decide", "lookup"]

SAME = 1e-6  # score differences below this are no difference: the last digits of a float sum


@dataclass(frozen=True)
class Decision:
    """Keep or not, and the reason in words that name the figures."""

    keep: bool
    rule: str
    reason: str


class Rule(Protocol):
    """Decides one trial; called once per complete trial, and must not remember earlier calls.

    `screens` is the number of repeats that decide for themselves, before the others are looked at.
    """

    name: str
    screens: int

    def decide(self, gain: Gain) -> Decision:
        """Judge the trial's paired gain over the incumbent."""
        ...

    def bar(self, gain: Gain, planned: int) -> float:
        """What Δ has to exceed after `planned` repeats at the least, as far as is certain from those of `gain`."""
        ...


class Strict:
    """Keep any gain: what a plain ratchet does, noise included."""

    name = "strict"
    screens = 0

    def decide(self, gain: Gain) -> Decision:
        """Keep when the mean gain is above zero."""
        return Decision(gain.delta > 0, self.name, f"Δ {gain.delta:+.4f} against a threshold of 0")

    def bar(self, gain: Gain, planned: int) -> float:  # noqa: ARG002
        """Zero."""
        return 0.0


class OneSE:
    """Keep a gain beyond one corrected standard error of the paired difference."""

    name = "one_se"
    screens = 0

    def decide(self, gain: Gain) -> Decision:
        """Keep when the mean gain exceeds one standard error (and zero)."""
        keep = gain.delta > 0 and gain.delta > gain.se
        return Decision(keep, self.name, f"Δ {gain.delta:+.4f} against one SE, {gain.se:.4f}")

    def bar(self, gain: Gain, planned: int) -> float:
        """The SE that the folds so far leave at least: their sum of squares about the mean can only grow."""
        folds, centre = gain.folds, gain.delta
        squares = sum((fold - centre) ** 2 for fold in folds)
        final = planned * len(gain.repeats[0])
        return math.sqrt((1 / final + gain.ratio) * squares / (final - 1)) if final > 1 else 0.0


class Confirm:
    """Screen on the first repeat, decide on the others; with a single repeat, as `OneSE`."""

    name = "confirm"
    screens = 1

    def decide(self, gain: Gain) -> Decision:
        """Keep when the first repeat gains at all and the rest gains beyond one standard error."""
        if len(gain.repeats) < 2:
            single = OneSE().decide(gain)
            return Decision(single.keep, self.name, f"{single.reason}; one repeat only, nothing to confirm on")
        screen, rest = gain.part(0, 1), gain.part(1)
        if not screen.delta > 0:
            return Decision(False, self.name, f"first repeat Δ {screen.delta:+.4f}: screened out")
        keep = rest.delta > 0 and rest.delta > rest.se
        return Decision(keep, self.name, f"other repeats Δ {rest.delta:+.4f} against one SE, {rest.se:.4f}")

    def bar(self, gain: Gain, planned: int) -> float:
        """As `OneSE`, on the repeats after the first."""
        return OneSE().bar(gain, planned)


RULES: dict[str, Rule] = {rule.name: rule for rule in (Strict(), OneSE(), Confirm())}


def lookup(name: str) -> Rule:
    """Find a rule by its name in study.toml.

    Raises
    ------
    StudyError
        The name is unknown; the message lists the known ones.
    """
    if name not in RULES:
        raise StudyError(f"acceptance.rule: {name!r} is not a known rule; choose {', '.join(RULES)}")
    return RULES[name]


def decide(rule: Rule, gain: Gain, *, simplify: bool, lines_lost: int) -> Decision:
    """Apply `rule`, and with `simplify` keep a shorter file that scores the same.

    Parameters
    ----------
    lines_lost
        Lines of the incumbent's file less lines of the trial's.
    """
    decision = rule.decide(gain)
    if simplify and not decision.keep and lines_lost > 0 and abs(gain.delta) <= SAME:
        return Decision(True, "simplify", f"same score with {lines_lost} lines fewer")
    return decision
