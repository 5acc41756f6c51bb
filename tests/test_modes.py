"""The modes of a search: what is tried first, that nothing comes twice, and that only results and seed decide."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from designs import RATIO, cell, failed, noise, scored

from autoresearch.metrics import lookup
from autoresearch.modes import MODES, Mode, Proposal, propose
from autoresearch.parameters import Choice, Range
from autoresearch.sampling import GRID, Result, grid, near, tpe
from autoresearch.space import Option, Space, things
from autoresearch.standing import Standing
from autoresearch.trial import State
from autoresearch.tried import Level, Tried, incumbent, replaced

AUC = lookup("roc_auc")
DEPTH, RATE = Range(1, 12, whole=True, log=False), Range(0.01, 1.0, whole=False, log=True)
STRENGTH = Range(0.01, 100.0, whole=False, log=True)
MODELS = (
    Option("model", "logistic", "linear", parameters={"C": STRENGTH}, values={"C": 1.0}),
    Option("model", "forest", "bagging", parameters={"leaf": Range(1, 20, whole=True, log=True)}, values={"leaf": 3}),
    Option("model", "boosting", "boosting", parameters={"depth": DEPTH, "rate": RATE},
           values={"depth": 3, "rate": 0.1}),
    Option("model", "small_boosting", "boosting", parameters={"depth": DEPTH, "rate": RATE},
           values={"depth": 2, "rate": 0.3}),
    Option("model", "bayes", "bayes"),
    Option("model", "machine", "kernel", pace="slow"),
    Option("model", "automatic", "automatic", pace="boxed"),
)  # fmt: skip
FEATURES = (
    Option("features", "as_is", "plain"),
    Option("features", "flags", "missing", without={"missing": "as_is"}),
    Option("features", "ratios", "ratios", without={"numbers": "as_is"}),
)
ENCODINGS = (
    Option("preprocessing", "scale", "scale"),
    Option("preprocessing", "ordinal", "plain"),
    Option("preprocessing", "target", "target", without={"categories": "scale"}),
)
START = cell("as_is", "scale", "logistic")
SPACE = Space({"features": FEATURES, "preprocessing": ENCODINGS, "model": MODELS}, START)
WORTH = {"boosting": 0.06, "small_boosting": 0.05, "forest": 0.04, "machine": 0.01, "bayes": -0.1, "ratios": 0.004}
Truth = Callable[[Mapping[str, str], Mapping[str, Any]], float]


def truth(choice: Mapping[str, str], params: Mapping[str, Any]) -> float:
    """Boosting is best, at a depth of 5 and a rate of 0.05; ratios help a little."""
    score = 0.8 + sum(WORTH.get(name, 0.0) for name in choice.values())
    if "boosting" in choice["model"]:
        option = next(one for one in MODELS if one.name == choice["model"])
        depth = params.get("model.depth", option.values["depth"])
        rate = params.get("model.rate", option.values["rate"])
        score -= 0.002 * (depth - 5) ** 2 + 0.01 * math.log10(rate / 0.05) ** 2
    return score


def measured(proposal: Proposal, n: int, score: Truth, sd: float, best: float) -> Tried:
    """The trial of a proposal; kept where it is better than the best so far."""
    rng = np.random.default_rng([99, n])
    found = scored(
        n, proposal.choice, score(proposal.choice, proposal.params) + noise(rng, 2, sd), params=proposal.params
    )
    assert found.score is not None
    return scored(n, found.choice, found.repeats, params=found.params, kept=found.score > best)


def searched(
    trials: int,
    seed: int = 1,
    space: Space = SPACE,
    score: Truth = truth,
    sd: float = 0.002,
    before: tuple[list[Tried], list[Proposal]] | None = None,
    budget: int | None = None,
) -> tuple[list[Tried], list[Proposal]]:
    """Go on with a search until so many trials were made, or nothing is left."""
    first = Proposal({slot: level.variant for slot, level in zip(space.slots, space.start, strict=True)}, {},
                     Mode.EXPLORE, "the baseline")  # fmt: skip
    tried, made = before or ([measured(first, 0, score, sd, -1.0)], [])
    tried, made = list(tried), list(made)
    while len(made) < trials:
        found = propose(space, tried, metric=AUC, ratio=RATIO, seed=seed, budget=budget)
        if not found:
            break
        made += found
        best = max(trial.score for trial in tried if trial.score is not None)
        tried += [measured(one, len(tried), score, sd, best) for one in found]
    return tried, made


def test_families_come_first():
    """One quick model of each family is tried before anything else, in the composition that the run began with."""
    _, made = searched(3)
    assert {one.choice["model"] for one in made} & {"boosting", "small_boosting"}
    assert {SPACE.family["model", one.choice["model"]] for one in made} == {"bagging", "boosting", "bayes"}
    assert all(one.choice["features"] == "as_is" and one.choice["preprocessing"] == "scale" for one in made)
    assert all(one.mode is Mode.EXPLORE for one in made)


def test_what_did_well_elsewhere_goes_first():
    """Models that go first are tried before the look at families, of a family that is known already, too."""
    early = tuple(replace(one, pace="first") if one.name == "small_boosting" else one for one in MODELS)
    models = (*early, Option("model", "ridge", "linear", pace="first"))
    space = Space({"features": FEATURES, "preprocessing": ENCODINGS, "model": models}, START)
    for seed in range(5):
        _, made = searched(4, seed, space)
        assert {one.choice["model"] for one in made[:2]} == {"small_boosting", "ridge"}
        assert "did well on other tables" in made[0].reason
        assert {one.choice["model"] for one in made[2:]} == {"forest", "bayes"}, "boosting was seen"


def test_neighbours_are_tried_by_their_pace():
    """Of other encodings those that did well elsewhere are tried before the others, and those that did not after."""
    encodings = (ENCODINGS[0], *(Option("preprocessing", pace, pace, pace=pace) for pace in ("late", "quick", "first")))
    space = Space({"features": FEATURES[:1], "preprocessing": encodings, "model": MODELS[:1]}, START)
    for seed in range(5):
        _, made = searched(30, seed, space)
        order = [one.choice["preprocessing"] for one in made if "beside the winner" in one.reason]
        assert order[:3] == ["first", "quick", "late"]


def test_a_small_budget_leaves_half_of_it_to_the_other_modes():
    """With a budget of six trials the look at families ends after three, counting the baseline."""
    _, made = searched(6, budget=6)
    assert [one.choice["model"] != "logistic" for one in made[:2]] == [True, True]
    assert len({one.mode for one in made}) >= 2


def test_a_short_search_is_sensible():
    """Twelve trials look at the families, tune the best one, see its other variants and its neighbours, and win."""
    tried, made = searched(12, budget=12)
    assert {one.mode for one in made} >= {Mode.EXPLORE, Mode.EXPLOIT, Mode.NARROW}
    assert {"boosting", "small_boosting"} <= {one.choice["model"] for one in made}
    assert {one.choice["preprocessing"] for one in made} > {"scale"}
    winner = incumbent(tried)
    assert winner
    assert "boosting" in winner.choice["model"]
    assert winner.score == max(trial.score for trial in tried if trial.score)


def test_all_modes_take_part_and_give_reasons():
    """A longer search uses every mode, each proposal says why, and the optimum of the parameters comes near."""
    tried, made = searched(60)
    assert {one.mode for one in made} == set(Mode)
    assert all(one.reason for one in made)
    winner = incumbent(tried)
    assert winner
    assert winner.choice["features"] == "ratios"
    assert truth(winner.choice, winner.params) > 0.858


def test_nothing_is_tried_twice():
    """No two trials of a search come to the same pipeline, and none to the baseline's."""
    tried, _ = searched(60)
    cells = [SPACE.effective(trial.cell) for trial in tried]
    assert len(set(cells)) == len(cells)


def test_an_interrupted_search_goes_on_identically():
    """Wherever it is interrupted, results and seed alone decide how a search goes on."""
    whole = searched(40)
    for cut in (3, 11, 26):
        assert searched(40, before=searched(cut)) == whole


def test_another_seed_is_another_search():
    """The seed draws the order."""
    assert [one.choice for one in searched(8)[1]] != [one.choice for one in searched(8, seed=2)[1]]


def test_a_batch_repeats_nothing():
    """Several proposals at once are as many pipelines, also beside trials that are running."""
    tried, _ = searched(10)
    first = propose(SPACE, tried, metric=AUC, ratio=RATIO, seed=1, batch=4)
    running = [Tried(20 + i, one.choice, one.params, state=State.RUNNING) for i, one in enumerate(first)]
    second = propose(SPACE, [*tried, *running], metric=AUC, ratio=RATIO, seed=1, batch=4)
    cells = {SPACE.effective(Tried(0, one.choice, one.params).cell) for one in first + second}
    assert len(cells) == 8


def test_every_effective_pair_of_family_and_encoding_is_tried():
    """Where nothing is given up, a search ends up with each family of models in each encoding."""
    space = Space(SPACE.options, START, frozenset({"numbers", "categories"}))
    tried, _ = searched(120, space=space, score=lambda c, p: 0.8, sd=0.01)
    pairs = {(SPACE.family["model", t.choice["model"]], t.choice["preprocessing"]) for t in tried}
    families = {option.family for option in MODELS if option.pace != "boxed"}
    assert pairs >= {(family, encoding.name) for family in families for encoding in ENCODINGS}


def test_a_small_space_ends():
    """A space without parameters is covered, each composition once, and then nothing is proposed."""
    plain = tuple(Option("model", name, name) for name in ("a", "b", "c"))
    space = Space({"features": FEATURES, "model": plain}, cell("as_is", "a"))
    tried, made = searched(50, space=space, score=lambda c, p: 0.8, sd=0.05)
    assert len(made) == 8
    assert len({trial.cell for trial in tried}) == 9


def test_what_comes_to_the_same_is_tried_once():
    """On a table of complete numbers flags for gaps and target encoding are what they are without: no trial of them."""
    plain = Space(SPACE.options, START, things({"x": "float64", "y": "int64"}, {"x": 0}, messy=False))
    assert plain.effective(cell("flags", "target", "bayes")) == cell("as_is", "scale", "bayes")
    assert len(plain.cells()) == 2 * 2 * len(MODELS)
    tried, _ = searched(80, space=plain)
    assert not {"flags", "target"} & {name for trial in tried for name in trial.choice.values()}
    full = Space(SPACE.options, START, things({"x": "float64", "y": "str"}, {"x": 3}, messy=False))
    assert len(full.cells()) == 3 * 3 * len(MODELS)


def test_parameters_without_anything_to_act_on_are_no_change():
    """A variant that equals itself without text has no settings to try on a table without text."""
    words = Option("preprocessing", "words", "words", parameters={"depth": DEPTH}, without={"text": "words"})
    deep = replaced(cell("as_is", "words", "bayes"), (1, Level("words", (("depth", 5),))))
    for table, expected in ((frozenset({"numbers"}), cell("as_is", "words", "bayes")), (frozenset({"text"}), deep)):
        space = Space({**SPACE.options, "preprocessing": (*ENCODINGS, words)}, START, table)
        assert space.effective(deep) == expected


def test_a_parameter_at_its_own_value_is_no_change():
    """A setting that says what the file says comes to the variant as it is."""
    level = Level("boosting", (("depth", 3), ("rate", 0.2)))
    assert SPACE.effective((*START[:2], level))[2] == Level("boosting", (("rate", 0.2),))
    assert SPACE.effective((*START[:2], Level("boosting", (("depth", 3),))))[2] == Level("boosting")


@pytest.mark.parametrize(
    ("dtypes", "missing", "messy", "found"),
    [
        ({"a": "float64"}, {"a": 0}, False, {"numbers"}),
        ({"a": "Int64", "b": "bool"}, {"a": 2}, False, {"numbers", "categories", "missing"}),
        ({"a": "str"}, {}, False, {"categories"}),
        ({"a": "str"}, {}, True, {"categories", "dates", "text"}),
        ({"a": "datetime64[ns]"}, {}, True, {"dates"}),
    ],
)
def test_what_a_table_has(dtypes: dict[str, str], missing: dict[str, int], messy: bool, found: set[str]):
    """Types and missing counts tell what variants can act on."""
    assert things(dtypes, missing, messy=messy) == found


def test_slow_relatives_of_the_best_wait():
    """A slow variant of the best family comes after every slow family's first look, though its relatives are tuned."""
    slow = Option("model", "thorough", "boosting", pace="slow", parameters={"depth": DEPTH}, values={"depth": 8})
    space = Space({**SPACE.options, "model": (*MODELS, slow)}, START)
    tried, _ = searched(300, space=space)
    order = list(dict.fromkeys(trial.choice["model"] for trial in tried))
    assert order.index("thorough") > order.index("machine") > order.index("boosting")


def test_what_crashes_is_left():
    """After three crashes that nothing else explains a model is proposed no more."""
    tried, _ = searched(1)
    tried += [
        failed(10 + i, {"features": "as_is", "preprocessing": encoding, "model": "bayes"})
        for i, encoding in enumerate(("scale", "ordinal", "target"))
    ]
    _, made = searched(40, before=(tried, []))
    assert "bayes" not in {one.choice["model"] for one in made}


def test_combine_joins_near_misses_by_their_interaction():
    """Of the pairs of near misses the one whose families interact well comes first, and the reason says so."""

    def score(choice: Mapping[str, str], params: Mapping[str, Any]) -> float:
        together = choice["features"] in ("a", "b") and choice["model"] in ("x", "y")
        return 0.8 + 0.05 * together

    options = {
        "features": (Option("features", "none", "none"), *(Option("features", n, f) for n, f in ("ag", "bg", "ch"))),
        "model": (Option("model", "base", "base"), *(Option("model", n, f) for n, f in ("xt", "yt", "zu"))),
    }
    space = Space(options, cell("none", "base"))
    known = [("none", "base"), ("a", "base"), ("b", "base"), ("c", "base"), ("none", "x"), ("none", "y"), ("none", "z"),
             ("a", "x")]  # fmt: skip
    rng = np.random.default_rng(5)
    tried = []
    for n, names in enumerate(known):
        choice = dict(zip(options, names, strict=True))
        tried.append(scored(n, choice, score(choice, {}) + noise(rng, 5, 0.004), kept=n == 0))

    found = MODES[Mode.COMBINE](Standing(space, tried, AUC, RATIO), 1)
    assert found
    assert tuple(level.variant for level in found[0]) in {("a", "y"), ("b", "x"), ("b", "y")}
    assert found[1].startswith("near misses ")
    assert "interaction" in found[1]


class TestSampling:
    def test_tpe_depends_on_results_and_seed_alone(self):
        """The same results in the same order and the same seed give the same setting."""
        results = [Result(Level("boosting", (("depth", d), ("rate", 0.1))), -abs(d - 5)) for d in range(1, 11)]
        draws = [tpe(MODELS[2:4], results, seed) for seed in (1, 1, 2, 3)]
        assert draws[0] == draws[1]
        assert len(set(draws)) > 1

    def test_tpe_learns(self):
        """After results that say so, most settings lie near the best depth, and none in a corner that failed."""
        rng = np.random.default_rng(0)
        results = []
        for _ in range(40):
            depth = int(rng.integers(1, 13))
            setting = Level("boosting", (("depth", depth), ("rate", 0.1)))
            results.append(Result(setting, None if depth > 10 else -((depth - 4) ** 2)))
        depths = [dict(tpe(MODELS[2:3], results, seed).params)["depth"] for seed in range(20)]
        assert np.mean([2 <= depth <= 6 for depth in depths]) > 0.7
        assert max(depths) <= 10

    def test_choices_may_be_any_literals(self):
        """A choice between tuples comes back as the tuple that it is, told and asked."""
        option = Option(
            "model", "net", "neural", parameters={"layers": Choice(((32,), (32, 16)))}, values={"layers": (32,)}
        )
        results = [Result(Level("net", (("layers", (32, 16)),)), float(n)) for n in range(8)]
        assert dict(tpe([option], results, 1).params)["layers"] in {(32,), (32, 16)}

    def test_a_grid_has_the_ends_and_the_middle(self):
        """Each option as it is, then low, middle and high of each range, all choices."""
        option = Option("model", "x", "x", parameters={"C": STRENGTH, "kind": Choice(("a", "b"))},
                        values={"C": 1.0, "kind": "a"})  # fmt: skip
        found = grid([option])
        assert found[:2] == [Level("x"), Level("x", (("C", 1.0), ("kind", "a")))]
        assert {dict(level.params)["C"] for level in found[1:]} == {0.01, 1.0, 100.0}
        assert len(found) == 7 <= GRID

    def test_steps_stay_inside_and_close(self):
        """A step from the best stays in its range, whole where that is whole, and closer for a smaller width."""
        rng = np.random.default_rng(1)
        best = Level("boosting", (("depth", 11), ("rate", 0.9)))
        spread = []
        for width in (0.3, 0.03):
            levels = [dict(near(MODELS[2], best, width, rng).params) for _ in range(100)]
            assert all(DEPTH.holds(level["depth"]) and RATE.holds(level["rate"]) for level in levels)
            spread.append(np.std([math.log(level["rate"]) for level in levels]))
        assert spread[1] < spread[0] / 3


def test_narrowing_takes_smaller_steps_until_it_gains():
    """The step in the reason shrinks with every one that brought nothing."""
    tried, made = searched(80, score=lambda c, p: 0.8 + WORTH.get(c["model"], 0.0) - 0.01 * len(p), sd=0.0001)
    last = incumbent(tried)
    assert last
    widths = [int(one.reason.split("%")[0].split()[-1]) for one in made[last.n :] if one.mode is Mode.NARROW]
    assert len(widths) >= 4
    assert all(before >= after for before, after in pairwise(widths))


def test_results_of_other_backgrounds_count_as_if_made_in_this_one():
    """A setting's score elsewhere is moved by what the settings tried in both differ; a failure stays one."""
    tuned, other = {"model.depth": 7}, {"model.depth": 9}
    here = {"features": "as_is", "preprocessing": "scale", "model": "boosting"}
    there, alone = here | {"preprocessing": "ordinal"}, here | {"features": "ratios"}
    tried = [
        scored(0, here, [[0.80, 0.80]]),
        scored(1, there, [[0.70, 0.70]]),
        scored(2, there, [[0.75, 0.75]], params=tuned),
        scored(3, alone, [[0.99, 0.99]], params=other),
        failed(4, here | {"model": "small_boosting"}),
    ]
    found = Standing(SPACE, tried, AUC, RATIO).results(2, tried[0].cell)
    assert [(str(one.level), one.score) for one in found] == [
        ("boosting", pytest.approx(0.80)),
        ("boosting", pytest.approx(0.80)),
        ("boosting (depth=7)", pytest.approx(0.85)),
        ("small_boosting", None),
    ]
