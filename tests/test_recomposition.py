"""Compositions of a person's script and the library: each is a train.py, and the person's own is the first."""

import ast
import itertools
import random
from pathlib import Path

import pytest
from scripts import TASKS, offered, parts_of, recompositions, study_of, table_of
from support import scorer_of

from autoresearch import library
from autoresearch.decompose import decompose
from autoresearch.recomposition import OWN, own_composition, slots
from autoresearch.source import fingerprints, hypothesis

HEAD = (
    "import pandas\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.pipeline import make_pipeline\n"
)
NEED_THEIR_FEATURES = {"heart_binary": "columns", "messy_credit": "could not convert string"}
"""Scripts of which the own model fails on other features, without a preprocessing between: what it then says."""


@pytest.mark.parametrize("name", TASKS)
class TestEveryScript:
    def test_own_pipeline_scores(self, name: str, tmp_path: Path):
        """What the search starts from is the person's own pipeline, and the harness measures it."""
        study = study_of(name, tmp_path)
        source = own_composition(parts_of(name), offered(name)).source("as it is")
        found = scorer_of(tmp_path, study).evaluate(source, 1)
        assert found.error is None, found.traceback
        assert len(found.scores[0]) == 5

    @pytest.mark.slow
    def test_mixtures_score(self, name: str, tmp_path: Path):
        """So are mixtures with the library, of whatever slots; what cannot go together crashes and says so."""
        study = study_of(name, tmp_path)
        found = recompositions(name)
        scorer = scorer_of(tmp_path, study)
        plain = {"as_is", "scale_and_encode", "logistic_regression", "ridge", OWN}
        mixed = [c for c in found if {v.name for v in c.choice} <= plain]
        assert len({c.own for c in mixed}) >= 4
        for composition in mixed:
            evaluation = scorer.evaluate(composition.source("mixed"), 1)
            if name in NEED_THEIR_FEATURES and composition.own == (False, True, True):
                assert NEED_THEIR_FEATURES[name] in (evaluation.error or "")
            else:
                assert evaluation.error is None, (composition.own, evaluation.traceback)

    @pytest.mark.parametrize("most", [200, pytest.param(100_000, marks=pytest.mark.slow)])
    def test_all_are_different_programs(self, name: str, most: int):
        """Every composition is Python, keeps the contract, and is unlike every other."""
        found = recompositions(name)
        found = random.Random(0).sample(found, min(most, len(found)))
        sources = [composition.source("it") for composition in found]
        assert len({fingerprints(source).code for source in sources}) == len(found) > 100
        for source in random.Random(0).sample(sources, 30):
            names = {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
            assert {"feature_fn", "build_pipeline"} <= names
            assert hypothesis(source) == "it"

    def test_own_code_comes_first_and_as_it_was_written(self, name: str):
        """Each slot's first variant is the person's; its text stands in the train.py as in the script."""
        parts = parts_of(name)
        by_slot = slots(parts, offered(name))
        assert [found[0].name for found in by_slot.values()] == [OWN] * 3
        source = own_composition(parts, offered(name)).source("")
        for variant in (found[0] for found in by_slot.values()):
            assert variant.code in source
        assert all(variant.family != OWN for found in by_slot.values() for variant in found[1:])

    def test_what_is_not_needed_is_left_out(self, name: str):
        """Of the script, a train.py has what its own parts stand on, and no more: no reader, no main."""
        parts = parts_of(name)
        for composition in random.Random(1).sample(recompositions(name), 20):
            source = composition.source("")
            assert "read_csv" not in source
            assert source.count("__main__") == 1
            if not any(composition.own):
                assert not {piece.text for piece in parts.script.pieces if piece.kind == "function"} & set(
                    source.split("\n\n\n")
                )


def test_whole_model_goes_with_no_other_preprocessing():
    """A model that is a pipeline of its own is kept whole; a model of the library is never without preprocessing."""
    for composition in recompositions("heart_binary"):
        _, preprocessing, model = composition.own
        assert preprocessing == model
    owns = {c.own for c in recompositions("messy_credit")}
    assert (True, False, True) in owns
    assert (True, True, False) not in owns


def test_own_preprocessing_goes_with_every_model():
    """A script's own preprocessing is a slot: with its own model, and with those of the library."""
    owns = {c.own for c in recompositions("rings_regression")}
    assert owns == set(itertools.product((True, False), repeat=3))


def test_names_of_the_contract_are_given_way(tmp_path: Path):
    """Functions that are called as the contract's own are kept under another name."""
    text = HEAD + (
        "def feature_fn(df):\n    return df[['age', 'amount', 'duration']]\n\n"
        "def build_model():\n    return LogisticRegression()\n\n"
        "def build_pipeline(C=1.0):\n    return make_pipeline(build_model())\n"
    )
    parts = decompose(text, "mine.py", "credit_risk")
    assert parts.model.function == "build_pipeline"
    source = own_composition(parts, library.variants("binary")).source("")
    assert "return own_feature_fn(X)" in source
    assert "return own_build_pipeline()" in source
    evaluation = scorer_of(tmp_path, study_of("messy_credit", tmp_path)).evaluate(source, 1)
    assert evaluation.error is None, evaluation.traceback


def test_features_that_look_at_other_rows_score_single_rows_too(tmp_path: Path):
    """A fitted step gives one new row the columns that the training rows had, whatever values it has."""
    space: dict[str, object] = {}
    exec(own_composition(parts_of("messy_credit"), offered("messy_credit")).source(""), space)
    X = table_of("messy_credit").drop(columns="credit_risk")
    step = space["ScriptFeatures"]().fit(X.iloc[:100])  # type: ignore[operator]
    one = step.transform(X.iloc[[100]].assign(housing="never seen"))
    assert list(one.columns) == list(step.columns_)
    assert one.shape == (1, 7)
    assert one.filter(like="housing").to_numpy().sum() == 0


def test_model_that_asks_for_the_data_is_given_it(tmp_path: Path):
    """build_model(X) is fitted on the rows that it was built for."""
    text = HEAD + (
        "from sklearn.compose import make_column_transformer\n"
        "def build_model(X):\n"
        "    columns = X.select_dtypes('number').columns.tolist()\n"
        "    return make_pipeline(make_column_transformer(('passthrough', columns)), LogisticRegression())\n"
    )
    parts = decompose(text, "mine.py", "credit_risk")
    source = own_composition(parts, library.variants("binary")).source("")
    assert "self.model_ = build_model(X).fit(X, y)" in source
    evaluation = scorer_of(tmp_path, study_of("messy_credit", tmp_path)).evaluate(source, 1)
    assert evaluation.error is None, evaluation.traceback


def test_script_without_features_offers_columns_as_they_are_once():
    """Where a script makes no features, its own variant is the columns as they are, once."""
    parts = decompose(HEAD + "def get_model():\n    return LogisticRegression()\n", "mine.py")
    names = [variant.name for variant in slots(parts, library.variants("binary"))["features"]]
    assert names[0] == OWN
    assert "as_is" not in names
    assert "def feature_fn(X):" in own_composition(parts, library.variants("binary")).source("")
