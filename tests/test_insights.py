"""Insights: what a run has taught, short enough to be read every ten iterations, and the same for programs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from designs import RATIO, crossed
from fakes import TAG, FakeScorer, a_history, a_run, a_trial, everything
from support import always, call

from autoresearch.history import Summary
from autoresearch.insights import Crash, Facts, NearMiss, as_dict, as_text, insights
from autoresearch.ledger import Ledger
from autoresearch.trial import State
from autoresearch.tried import Tried
from autoresearch.workspace import open_workspace

LEVELS = {
    "features": ["as_is", *(f"f{i}" for i in range(9))],
    "preprocessing": ["scale", *(f"p{i}" for i in range(6))],
    "model": ["linear", *(f"m{i}" for i in range(9))],
}
FAMILY = {(slot, name): f"{name} family" for slot, names in LEVELS.items() for name in names}


def truth(choice: Mapping[str, str]) -> float:
    """One model helps, one loses, and one pair does more together."""
    score = 0.8 + 0.03 * (choice["model"] == "m1") - 0.1 * (choice["model"] == "m2")
    return score + 0.05 * (choice["features"] == "f1" and choice["model"] == "m1")


def facts(tried: list[Tried], **changes: object) -> Facts:
    """A run's facts around its compositions."""
    history = a_history("keep", "discard")
    found = Facts(
        summary=replace(history.summary(1), baseline=replace(history.baseline, ratio=RATIO)),
        states={State.COMPLETE: len(tried)},
        crashes=[],
        near_misses=[],
        composed=len(tried),
        plain=len(tried),
        seen=[trial.choice for trial in tried],
        tried=tried,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tried() -> list[Tried]:
    """A large design."""
    return crossed(LEVELS, truth, np.random.default_rng(1), sd=0.01)


def test_everything_has_its_place_in_under_sixty_lines(tried: list[Tried]) -> None:
    """However much there is to say, the text is short, and says the best and the worst of each kind."""
    crashes = [Crash(n, f"ValueError: {'abcdefgh'[n % 8]} of {n} is wrong") for n in range(99, 0, -1)]
    misses = [NearMiss(n, 0.001, 0.002, "an idea " * 40) for n in range(5)]
    family = FAMILY | {(slot, f"new{i}"): f"new {i}" for slot in LEVELS for i in range(30)}
    said = as_text(insights(facts(tried, crashes=crashes, near_misses=misses, plain=9000), family)).splitlines()
    assert len(said) < 60
    assert all(len(line) <= 150 for line in said)
    text = "\n".join(said)
    assert "model, gain over linear (pairs that differ in nothing else):" in text
    assert "  m1: +0.0" in text
    assert "features f1 x model m1" in text
    assert "superadditive" in text
    assert "given up (family): model m2: family m2 family loses 0.1" in text
    assert "near miss: trial 0, Δ +0.0010 ± 0.0020: an idea" in text
    assert "untried model: new 0, new 1" in text
    assert "ranked are the first 700 of 9000 compositions without parameters" in text
    assert "4 more kinds of crashes" in text


def test_crashes_are_counted_by_kind() -> None:
    """Errors that differ in names and numbers alone are one kind, told by its latest trial."""
    crashes = [Crash(9, "KeyError: 'b' in row 7"), Crash(5, "KeyError: 'a' in row 3"), Crash(2, "MemoryError: 3 GB")]
    found = insights(facts([], crashes=crashes), {})
    assert found.reasons == [("KeyError: 'b' in row 7", 2, 9), ("MemoryError: 3 GB", 1, 2)]


def test_untried_regions_are_families_and_pairs_of_them(tried: list[Tried]) -> None:
    """What the library has and no trial used is named, and so are pairs that no trial combined."""
    few = [trial for trial in tried if trial.choice["model"] in ("linear", "m1")][:20]
    found = insights(facts(few), FAMILY)
    assert "m9 family" not in found.untried["model"]
    assert "m3 family" in found.untried["model"]
    assert "scale family with m3 family" in found.untried["preprocessing x model"]


def test_for_programs(tried: list[Tried]) -> None:
    """The same facts as JSON, without what JSON lacks."""
    found = as_dict(insights(facts(tried[:200]), FAMILY))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["rankings"]["model"][0].keys() == {"variant", "gain", "se", "backgrounds"}
    assert {"predicted", "actual", "delta", "se", "kind", "discovered"} <= found["interactions"][0].keys()


def test_a_run_without_compositions_has_insights_too(started: Path) -> None:
    """On a run whose versions somebody wrote the command tells states, crashes and near misses, and changes nothing."""
    ledger = open_workspace(started).ledger
    ledger.add_trial(a_trial(1, "crashed"))
    ledger.add_trial(replace(a_trial(2, "discard"), delta=-0.001, delta_se=0.01, hypothesis="nearly"))
    ledger.add_trial(replace(a_trial(3, "discard"), delta=-0.1, delta_se=0.01, hypothesis="not at all"))
    ledger.close()
    before = everything(started)
    said = call(started, "insights", make=always(FakeScorer()))
    assert said.code == 0, said.err
    assert said.lines[0] == "trials: 3 complete, 1 crashed; 0 are compositions of variants"
    assert "crash, 1 times, last in trial 1: ValueError: no" in said.out
    assert "near miss: trial 2, Δ -0.0010 ± 0.0100: nearly" in said.out
    assert "not at all" not in said.out
    assert json.loads(call(started, "insights", "--json", make=always(FakeScorer())).out)["tag"] == TAG
    assert everything(started) == before


def test_compositions_in_the_ledger_are_ranked(started: Path) -> None:
    """Choices that the ledger holds are ranked by the pairs that differ in nothing else."""
    workspace = open_workspace(started)
    ledger: Ledger = workspace.ledger
    ledger.add_choice(TAG, 0, {"features": "as_is", "model": "logistic_regression"}, {})
    rng = np.random.default_rng(2)
    shape = np.array(ledger.trials(TAG)[0].scores).shape
    scores = tuple(map(tuple, (0.85 + 0.01 * rng.normal(size=shape)).tolist()))
    ledger.add_trial(replace(a_trial(1, 0.85), scores=scores), {"features": "as_is", "model": "random_forest"}, {})
    facts_ = workspace.digests().facts()
    ledger.close()
    assert isinstance(facts_.summary, Summary)
    assert facts_.summary.run.tag == a_run().tag
    found = insights(facts_, {("model", "random_forest"): "bagging"})
    (effect,) = found.rankings["model"]
    assert (effect.level.variant, effect.backgrounds) == ("random_forest", 1)
    assert effect.gain.delta == pytest.approx(np.mean(scores) - 0.8)
