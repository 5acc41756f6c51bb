"""What is tried over a person's script: the nearest first, and last what fails whatever is put there."""

from itertools import islice
from pathlib import Path

import pytest

from autoresearch import library
from autoresearch.choosing import Nearest
from autoresearch.decompose import decompose
from autoresearch.recomposition import OWN, Recomposition, recompositions
from autoresearch.trial import State
from autoresearch.tried import Tried

PIPELINES = Path(__file__).parent / "pipelines"


@pytest.fixture(scope="module")
def space() -> list[Recomposition]:
    """A script whose model holds its preprocessing and asks for columns by name."""
    path = PIPELINES / "heart_binary.py"
    return recompositions(decompose(path.read_text(), path.name, "target"), library.variants("binary"))


def trial(n: int, made: Recomposition, state: State = State.COMPLETE) -> Tried:
    """A trial of a composition."""
    return Tried(n, {variant.slot: variant.name for variant in made.choice}, state=state, kept=n == 0)


def test_another_model_is_one_change(space: list[Recomposition]):
    """A model of the library with preprocessing, for a model that holds its own, is as near as other features."""
    own = space[0]
    assert own.parts.model.whole
    other = next(found for found in space if found.own == (True, False, False))
    features = next(found for found in space if found.own == (False, True, True))
    assert other.distance(own) == own.distance(other) == features.distance(own) == 1
    both = next(found for found in space if found.own == (False, False, False))
    assert both.distance(own) == 2
    near = next(f for f in space if f.choice[0] == other.choice[0] and f.choice[1] != other.choice[1]
                and f.choice[2] not in (other.choice[2], own.choice[2]))  # fmt: skip
    assert near.distance(other) == 2, "between two of the library's models preprocessing counts for itself"


def test_models_come_before_features(space: list[Recomposition]):
    """The first trials put other models behind the person's features."""
    first = islice(Nearest(space, 1).offers([trial(0, space[0])]), 4)
    assert all(chosen.choice["features"] == OWN != chosen.choice["model"] for chosen in first)


def test_what_fails_each_time_comes_last(space: list[Recomposition]):
    """After two crashes of other features with the person's model no third is tried while anything else is left."""
    alone = [found for found in space if found.own == (False, True, True)]
    tried = [trial(0, space[0]), *(trial(n, found, State.CRASHED) for n, found in enumerate(alone[:2], start=1))]
    left = [dict(chosen.choice) for chosen in islice(Nearest(space[:1] + alone + space[-5:], 1).offers(tried), 50)]
    kinds = [(choice["features"] == OWN, choice["model"] == OWN) for choice in left]
    assert kinds == sorted(kinds, key=lambda kind: kind == (False, True))
    assert kinds.count((False, True)) == len(alone) - 2
    worked = [*tried, trial(3, alone[2])]
    again = next(Nearest(space[:1] + alone, 1).offers(worked))
    assert again.choice["model"] == OWN, "one that works shows that it is not the place"
