"""Search policies: pure, seeded, nearest untried compositions first, and an end when all was tried."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from autoresearch.library import Composition, baseline, compositions, variants
from autoresearch.policies import nearest_untried

START = baseline("regression")
SPACE = [
    Composition(choice)
    for choice in itertools.product(
        *(
            dict.fromkeys([first, *found[:4]])
            for first, found in zip(START.choice, variants("regression").values(), strict=True)
        )
    )
]
seeds = st.integers(0, 2**32 - 1)
tried_sets = st.sets(st.sampled_from(SPACE), max_size=len(SPACE) - 1)
members = st.sampled_from(SPACE)
few = limits(max_examples=40, deadline=None)


def choose(tried: set[Composition], incumbent: Composition | None, seed: int) -> Composition | None:
    """What the policy tries next under a seed."""
    return nearest_untried(SPACE, tried, incumbent, np.random.default_rng(seed))


@given(tried_sets, st.none() | members, seeds)
@few
def test_is_seeded(tried: set[Composition], incumbent: Composition | None, seed: int):
    """The same history and seed give the same choice."""
    assert choose(tried, incumbent, seed) == choose(tried, incumbent, seed)


@given(tried_sets, st.none() | members, seeds)
@few
def test_changes_nothing_it_is_given(tried: set[Composition], incumbent: Composition | None, seed: int):
    """Space and history are as they were after the choice."""
    before, space = copy.copy(tried), list(SPACE)
    nearest_untried(space, tried, incumbent, np.random.default_rng(seed))
    assert (tried, space) == (before, SPACE)


@given(tried_sets, st.none() | members, seeds)
@few
def test_never_repeats(tried: set[Composition], incumbent: Composition | None, seed: int):
    """What it chooses is in the space and was not tried."""
    chosen = choose(tried, incumbent, seed)
    assert chosen in SPACE
    assert chosen not in tried


@given(tried_sets, members, seeds)
@few
def test_is_as_near_as_can_be(tried: set[Composition], incumbent: Composition, seed: int):
    """No untried composition changes fewer slots of the incumbent than the one that it chooses."""
    chosen = choose(tried, incumbent, seed)
    assert chosen
    assert chosen.distance(incumbent) == min(c.distance(incumbent) for c in SPACE if c not in tried)


@given(members, seeds)
@few
def test_changes_one_slot_at_first(incumbent: Composition, seed: int):
    """While an incumbent's neighbours are untried, a trial changes one slot: its gain has one cause."""
    chosen = choose({incumbent}, incumbent, seed)
    assert chosen
    assert chosen.distance(incumbent) == 1


def test_goes_outwards_until_all_was_tried():
    """Choosing again and again visits the whole space once, never nearer than before, and then ends."""
    incumbent = baseline("regression")
    tried, distances = set[Composition](), []
    rng = np.random.default_rng(0)
    while chosen := nearest_untried(SPACE, tried, incumbent, rng):
        distances.append(chosen.distance(incumbent))
        tried.add(chosen)
    assert tried == set(SPACE)
    assert distances == sorted(distances)


@pytest.mark.parametrize("incumbent", [None, SPACE[0]])
def test_none_when_everything_was_tried(incumbent: Composition | None):
    """A space that is used up has nothing more to try."""
    assert choose(set(SPACE), incumbent, 0) is None


def test_empty_space_has_nothing():
    """Where there are no compositions there is nothing to try."""
    assert nearest_untried([], set(), None, np.random.default_rng(0)) is None


def test_seeds_differ():
    """Another seed draws another order."""
    assert len({choose(set(), None, seed) for seed in range(200)}) > len(SPACE) / 4


@given(seeds)
@few
def test_quick_ones_of_other_families_come_first(seed: int):
    """From the baseline, each of the first trials is a quick model of another family, its own among them."""
    start = baseline("regression")
    space = [found for found in compositions("regression") if found.distance(start) <= 1]
    tried, rng = {start}, np.random.default_rng(seed)
    seen = set[str]()
    for _ in range(5):
        chosen = nearest_untried(space, tried, start, rng)
        assert chosen
        assert chosen.choice[:2] == start.choice[:2]
        assert chosen.choice[2].family not in seen
        assert chosen.quick
        seen.add(chosen.choice[2].family)
        tried.add(chosen)
    assert "linear" in seen


def test_slow_ones_come_last():
    """Slow and boxed compositions are tried once the quick ones were."""
    start = baseline("regression")
    space = [found for found in compositions("regression") if found.distance(start) <= 1]
    tried, paces = {start}, []
    while chosen := nearest_untried(space, tried, start, np.random.default_rng(0)):
        paces.append(chosen.quick)
        tried.add(chosen)
    assert paces == sorted(paces, reverse=True)
    assert set(paces) == {True, False}
