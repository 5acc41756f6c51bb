"""What is tried over a person's script: by the same modes as over the library, and never what cannot go together."""

from collections.abc import Iterator
from itertools import islice

import pytest
from designs import RATIO, scored
from scripts import TASKS, offered, parts_of

from autoresearch.choosing import Catalogue, Chosen, Modes
from autoresearch.metrics import lookup
from autoresearch.pipelines import catalogue
from autoresearch.recomposition import OWN
from autoresearch.space import THINGS, Own
from autoresearch.trial import State
from autoresearch.tried import Level, Tried

PLAIN = "scale_and_encode"
START = {"features": OWN, "preprocessing": OWN, "model": OWN}
SLOTS = tuple(START)


def of(name: str) -> Catalogue:
    """The catalogue of one of the scripts."""
    return catalogue(parts_of(name), offered(name), PLAIN, frozenset(THINGS))


def offers(found: Catalogue, tried: list[Tried]) -> Iterator[Chosen]:
    """What a search would try after these trials."""
    return Modes(found, lookup("roc_auc"), RATIO, 1, 30).offers(tried)


def own(score: float = 0.8) -> Tried:
    """The baseline, which is the script as it is."""
    return scored(0, START, [[score] * 5] * 5, kept=True)


def test_a_whole_model_goes_with_no_other_preprocessing():
    """A model that holds its preprocessing keeps it; in its place another one comes with the plain preprocessing."""
    space = of("heart_binary").space
    assert space.own == Own(whole=True, stand_in=PLAIN)
    mine = (Level("products"), Level("quantiles"), Level(OWN))
    assert space.effective(mine) == (Level("products"), Level(OWN), Level(OWN))
    theirs = (Level(OWN), Level(OWN), Level("xgboost"))
    assert space.effective(theirs) == (Level(OWN), Level(PLAIN), Level("xgboost"))
    both = (Level(OWN), Level("quantiles"), Level("xgboost"))
    assert space.effective(both) == both


def test_own_preprocessing_goes_with_every_model():
    """A preprocessing of the person's own is a choice like any other."""
    space = of("rings_regression").space
    assert space.own == Own(whole=False, stand_in="")
    cell = (Level(OWN), Level(OWN), Level("xgboost_regressor"))
    assert space.effective(cell) == cell


@pytest.mark.parametrize("name", TASKS)
def test_models_come_before_features(name: str):
    """The first trials put other models behind the person's features, each a program with a reason."""
    tried = [own()]
    for chosen in islice(offers(of(name), tried), 4):
        assert chosen.choice["features"] == OWN != chosen.choice["model"]
        assert chosen.why.startswith("explore: ")
        compile(chosen.text, "train.py", "exec")


@pytest.mark.parametrize("name", TASKS)
def test_parameters_of_the_library_are_tuned(name: str):
    """Sooner or later a setting is tried that stands in no file, and the text of the trial has it."""
    found, tried = of(name), [own(0.7)]
    while len(tried) < 60:
        chosen = next(offers(found, tried))
        if chosen.params:
            break
        score = 0.8 + 0.001 * len(tried) if chosen.choice["model"] != OWN else 0.6
        tried.append(scored(len(tried), chosen.choice, [[score] * 5] * 5, kept=score > 0.8))
    assert chosen.params
    assert chosen.text != found.compose(chosen.choice, {}).source("")  # type: ignore[union-attr]
    assert "=" in chosen.text.split("HYPOTHESIS = ")[1].splitlines()[0] or "(" in chosen.text


def test_what_fails_each_time_is_tried_no_more():
    """After two crashes of other features with the person's model there is no third, unless one came through."""
    found = of("heart_binary")
    failed = [Tried(n, START | {"features": name}, state=State.CRASHED) for n, name in ((1, "products"), (2, "ratios"))]
    left = [chosen.choice for chosen in islice(offers(found, [own(), *failed]), 60)]
    assert {"features": OWN, "preprocessing": PLAIN, "model": "xgboost"} in left
    alone = [choice for choice in left if choice["features"] != OWN == choice["model"]]
    assert not alone
    worked = scored(3, START | {"features": "logs"}, [[0.9] * 5] * 5, kept=True)
    left = [chosen.choice for chosen in islice(offers(found, [own(), *failed, worked]), 60)]
    assert [choice for choice in left if choice["features"] != OWN == choice["model"]]
