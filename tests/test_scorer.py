"""The scorer with folds in this process: honest scores, and a crash for everything that is no prediction."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from support import LOGISTIC, lay, ranking, scorer_of, stub, table

from autoresearch import data, splits
from autoresearch.predictions import Predictions
from autoresearch.scorer import Scorer
from autoresearch.trial import Evaluation, State

BY_SIZE = stub(ranking("X['size']"))
MULTICLASS = {"study": {"task": "multiclass", "positive": None}, "evaluation": {"metric": "log_loss"}}
REGRESSION = {"study": {"task": "regression", "positive": None}, "evaluation": {"metric": "rmse"}}


def scorer(root: Path, rows: pd.DataFrame | None = None, **changes: dict[str, Any]) -> Scorer:
    """The scorer of a small study."""
    return scorer_of(root / "study", lay(root / "study", rows, **changes))


def refused(found: Evaluation) -> str:
    """The one line of a trial that crashed; it has neither scores nor predictions."""
    assert found.state is State.CRASHED
    assert (found.scores, found.predictions, found.test_score) == ((), None, None)
    assert found.error
    assert "\n" not in found.error
    return found.error


class TestScores:
    def test_equal_plain_scikit_learn(self, tmp_path: Path):
        """Fold scores are those of an independent cross-validation over the same rows, fold by fold."""
        made = scorer(tmp_path, table(200))
        found = made.evaluate(LOGISTIC, 5)
        plain = pd.read_parquet(tmp_path / "study" / "data" / "small.parquet")
        X, y = plain.drop(columns="label").select_dtypes("number"), plain["label"]
        for repeat in range(5):
            folds = StratifiedKFold(5, shuffle=True, random_state=42 + repeat)
            for fold, (train, valid) in enumerate(folds.split(X, y)):
                model = make_pipeline(SimpleImputer(), LogisticRegression(C=1.0)).fit(X.iloc[train], y.iloc[train])
                expected = roc_auc_score(y.iloc[valid], model.predict_proba(X.iloc[valid])[:, 1])
                assert found.scores[repeat][fold] == pytest.approx(expected, abs=1e-9)
        assert found.state is State.COMPLETE
        assert found.ratio == 0.25
        assert found.isolation == "none"

    @pytest.mark.parametrize(("metric", "function"), [("log_loss", log_loss), ("accuracy", accuracy_score)])
    def test_multiclass_equals_plain_scikit_learn(self, tmp_path: Path, metric: str, function: Any):
        """Probabilities and labels of several classes are scored as scikit-learn scores them."""
        rows = table(150).assign(
            label=lambda t: pd.qcut(t["size"] + t["dose"].fillna(0), 3, labels=[*"xyz"]).astype(str)
        )
        made = scorer(tmp_path, rows, **MULTICLASS | {"evaluation": {"metric": metric}})
        found = made.evaluate(LOGISTIC, 1)
        train = data.training(tmp_path / "study", made.study, made.prepared)
        model = make_pipeline(SimpleImputer(), LogisticRegression(C=1.0))
        folds = StratifiedKFold(5, shuffle=True, random_state=42)
        X = train.X.select_dtypes("number")
        method = "predict_proba" if metric == "log_loss" else "predict"
        answers = cross_val_predict(model, X, train.y, cv=folds, method=method)
        expected = [function(train.y[valid], answers[valid]) for _, valid in folds.split(X, train.y)]
        assert found.scores[0] == pytest.approx(expected, rel=1e-3)  # an iterative fit stops by the order of rows

    def test_regression_equals_plain_scikit_learn(self, tmp_path: Path):
        """Values are scored as scikit-learn scores them."""
        made = scorer(tmp_path, table(120).assign(label=lambda t: 3 * t["size"] + t["age"] ** 0.5), **REGRESSION)
        source = LOGISTIC.replace("LogisticRegression(C=1.0)", "LinearRegression()").replace(
            "import LogisticRegression", "import LinearRegression"
        )
        found = made.evaluate(source, 1)
        train = data.training(tmp_path / "study", made.study, made.prepared)
        X = train.X.select_dtypes("number")
        for split, score in zip(
            splits.splits(train.y, train.structure, stratify=False, repeats=1, folds=5, seed=42),
            found.scores[0],
            strict=True,
        ):
            model = make_pipeline(SimpleImputer(), LinearRegression()).fit(X.iloc[split.train], train.y[split.train])
            expected = mean_squared_error(train.y[split.valid], model.predict(X.iloc[split.valid])) ** 0.5
            assert score == pytest.approx(expected, abs=1e-9)

    def test_single_split_has_its_error_over_rows(self, tmp_path: Path):
        """Where there is one split, a gain has a standard error over the validation rows; elsewhere folds give it."""
        made = scorer(tmp_path, table(100_000 * 5 // 4))
        before, after = (made.evaluate(stub(ranking(f"X['size'] + {noise} * X['age']")), 1) for noise in (0.05, 0.01))
        assert (made.prepared.repeats, made.prepared.folds) == (1, 1)
        assert [len(before.scores), len(before.scores[0])] == [1, 1]
        assert before.predictions
        assert after.predictions
        error = made.row_se(before.predictions, after.predictions)
        assert error is not None
        assert 0 < error < 0.01
        assert made.row_se(before.predictions, before.predictions) == pytest.approx(0)

    def test_folds_need_no_error_over_rows(self, tmp_path: Path):
        """With folds there is no row-level error."""
        made = scorer(tmp_path)
        digest = made.evaluate(BY_SIZE, 1).predictions or ""
        assert made.row_se(digest, digest) is None

    def test_fewer_repeats_score_the_same_folds(self, tmp_path: Path):
        """A trial on two repeats scores the first two of five."""
        made = scorer(tmp_path)
        assert made.evaluate(LOGISTIC, 2).scores == made.evaluate(LOGISTIC, 5).scores[:2]

    def test_repeats_to_the_last_digit(self, tmp_path: Path):
        """A seeded source repeats exactly, one with loose randomness is found out."""
        made = scorer(tmp_path)
        assert made.repeats_exactly(LOGISTIC, made.evaluate(LOGISTIC, 1).predictions or "")
        loose = stub(ranking("np.random.default_rng().random(len(X))"))
        assert not made.repeats_exactly(loose, made.evaluate(loose, 1).predictions or "")

    def test_crash_does_not_repeat(self, tmp_path: Path):
        """A source that fails the second time does not repeat, and that is no error of the scorer's."""
        made = scorer(tmp_path)
        digest = made.evaluate(BY_SIZE, 1).predictions or ""
        assert not made.repeats_exactly(stub("None"), digest)


class TestRows:
    def test_answers_find_their_rows_again(self, tmp_path: Path):
        """Kept predictions stand at the rows they were made for, whatever order they were handed over in."""
        made = scorer(tmp_path)
        found = made.evaluate(BY_SIZE, 2)
        kept = Predictions(made.predictions).load(found.predictions or "")
        expected = data.training(tmp_path / "study", made.study, made.prepared).X["size"].to_numpy()
        assert kept.shape == (2, 80)
        assert np.array_equal(kept, np.stack([expected, expected]))

    def test_order_says_nothing(self, tmp_path: Path):
        """Rows sorted by their label reach the trial in another order: their place is worth nothing."""
        rows = table(400).sort_values("label", ignore_index=True)
        made = scorer(tmp_path, rows)
        found = made.evaluate(stub(ranking("np.arange(len(X))")), 5)
        assert np.mean(found.scores) == pytest.approx(0.5, abs=0.1)

    def test_index_is_fresh(self, tmp_path: Path):
        """The rows' index counts from 0 in each part of each fold."""
        made = scorer(tmp_path, table(200).sort_values("label"))
        checks = "assert list(X.index) == list(range(len(X)))"
        found = made.evaluate(stub(ranking("X['size'] + (np.asarray(X.index) != np.arange(len(X)))"), fit=checks), 1)
        assert found.state is State.COMPLETE
        assert found.scores == made.evaluate(BY_SIZE, 1).scores

    def test_trials_see_no_target(self, tmp_path: Path):
        """The target's column is in neither part."""
        made = scorer(tmp_path)
        found = made.evaluate(stub(ranking("X['label']"), fit="assert 'label' not in X"), 1)
        assert "KeyError" in refused(found)

    def test_predictions_do_not_depend_on_the_order_handed_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """Another secret order gives the same scores for a model that does not look at it."""
        made = scorer(tmp_path)
        before = made.evaluate(LOGISTIC, 1).scores
        monkeypatch.setattr("autoresearch.vault.Seal.row_seed", 7)
        after = scorer(tmp_path).evaluate(LOGISTIC, 1).scores
        assert after[0] == pytest.approx(before[0], abs=1e-9)

    def test_single_split_of_a_large_table_is_not_copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """Where there is one split, each of its sides lies in one piece, in secret order; a fold sees it in place."""
        monkeypatch.setattr("autoresearch.splits.REPEATS_BY_ROWS", ())
        rows = table(200)[["size", "dose", "label"]]
        made = scorer(tmp_path, rows)
        shared, seen = made._matrix().frame, []
        monkeypatch.setattr("numpy.shared_memory_probe", seen.append, raising=False)
        look = "np.shared_memory_probe(X['size'].to_numpy())"
        found = made.evaluate(stub(ranking("X['size']"), features=f"({look}, X)[1]"), 1)
        assert found.state is State.COMPLETE
        assert found.ratio == 0.25
        sides = seen[-2:]  # what comes before are samples, to check that feature_fn is row-wise
        assert [len(part) for part in sides] == [128, 32]
        assert all(np.shares_memory(part, shared["size"].to_numpy()) for part in sides)
        table_order = data.training(made.root, made.study, made.prepared).X["size"].to_numpy()
        assert sorted(shared["size"]) == sorted(table_order)
        assert not np.array_equal(shared["size"], table_order)

    def test_single_split_equals_plain_scikit_learn(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """The one score of a large table is that of the same split, fitted as anybody would."""
        monkeypatch.setattr("autoresearch.splits.REPEATS_BY_ROWS", ())
        made = scorer(tmp_path, table(300))
        rows = data.training(made.root, made.study, made.prepared)
        (split,) = made._splits(1)
        X = rows.X.select_dtypes("number")
        model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(X.iloc[split.train], rows.y[split.train])
        expected = roc_auc_score(rows.y[split.valid], model.predict_proba(X.iloc[split.valid])[:, 1])
        assert made.evaluate(LOGISTIC, 1).scores[0] == pytest.approx((expected,), abs=1e-9)

    def test_holdout_answers_are_in_the_rows_order(self, tmp_path: Path):
        """The audit's answers stand at their rows, too."""
        made = scorer(tmp_path)
        y, answer = made.on_holdout(BY_SIZE)
        sealed = data.holdout(made.study, made.prepared)
        assert np.array_equal(answer, sealed.X["size"].to_numpy())
        assert np.array_equal(y, sealed.y)

    def test_holdout_needs_a_usable_answer(self, tmp_path: Path):
        """A source that gives none there raises its one line."""
        with pytest.raises(ValueError, match="4 of 20 predictions are nan"):
            scorer(tmp_path).on_holdout(stub(ranking("np.where(np.arange(len(X)) < 4, np.nan, 0.5)")))


class TestNoPrediction:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ("np.full(len(X), np.nan)", "16 of 16 predictions are nan or infinite; impute, or clip them"),
            ("np.where(np.arange(len(X)) == 3, np.inf, 0.5)", "1 of 16 predictions are nan or infinite"),
            ("-np.full(len(X), np.inf)", "16 of 16 predictions are nan or infinite"),
        ],
    )
    def test_nan_and_infinity(self, tmp_path: Path, answer: str, said: str):
        """One value that is no number is enough for a crash."""
        assert said in refused(scorer(tmp_path).evaluate(stub(ranking(answer)), 5))

    @pytest.mark.parametrize(
        "answer",
        ["np.zeros(len(X))", "np.zeros((len(X) - 1, 2))", "np.zeros((len(X), 3))", "np.zeros((len(X), 2, 1))", "0.5"],
    )
    def test_wrong_shape_of_a_ranking(self, tmp_path: Path, answer: str):
        """An answer of another shape is no prediction."""
        assert "shape" in refused(scorer(tmp_path).evaluate(stub(answer), 1))

    @pytest.mark.parametrize("answer", ["np.zeros(len(X) - 1)", "np.zeros((len(X), 1))", "np.zeros(0)", "1.0"])
    def test_wrong_shape_of_values(self, tmp_path: Path, answer: str):
        """A regression wants one number a row."""
        made = scorer(tmp_path, table().assign(label=lambda t: t["size"]), **REGRESSION)
        assert "where (16,) is wanted" in refused(made.evaluate(stub(answer), 1))

    @pytest.mark.parametrize("answer", ["np.full(len(X), 2)", "np.full(len(X), 0.5)", "-np.ones(len(X))"])
    def test_wrong_labels(self, tmp_path: Path, answer: str):
        """A label has to be one of the class codes that the trial was trained on."""
        made = scorer(tmp_path, evaluation={"metric": "accuracy"})
        assert refused(made.evaluate(stub(answer), 1)) == (
            "train.py: predicted labels are not the class codes 0 to 1 it was trained on"
        )

    def test_labels_that_are_text(self, tmp_path: Path):
        """Labels as text are no class codes."""
        made = scorer(tmp_path, evaluation={"metric": "accuracy"})
        assert "ValueError" in refused(made.evaluate(stub("np.full(len(X), 'yes')"), 1))

    def test_probabilities_that_do_not_sum_to_one(self, tmp_path: Path):
        """Probabilities of all classes make one."""
        made = scorer(tmp_path, evaluation={"metric": "log_loss"})
        assert refused(made.evaluate(stub("np.full((len(X), 2), 0.4)"), 1)) == (
            "train.py: predicted probabilities do not sum to 1 in each row"
        )

    @pytest.mark.parametrize("answer", ["[-0.5, 1.5]", "[1.0001, -0.0001]"])
    def test_probabilities_beyond_0_and_1(self, tmp_path: Path, answer: str):
        """A probability below 0 is none, even where the row makes one."""
        made = scorer(tmp_path, evaluation={"metric": "log_loss"})
        assert "predicted" in refused(made.evaluate(stub(f"np.tile({answer}, (len(X), 1))"), 1))

    def test_failure_on_a_late_fold_is_a_crash(self, tmp_path: Path):
        """A crash after complete repeats is a crash: what was measured before it counts for nothing."""
        count = "\n\nimport builtins\n\nbuiltins.calls = getattr(builtins, 'calls', 0) + 1\n"
        late = stub(ranking("X['size']"), head=count, fit="assert __import__('builtins').calls < 13, 'late'")
        assert "AssertionError: late" in refused(scorer(tmp_path).evaluate(late, 5))

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            (LOGISTIC.replace("def build_pipeline", "def build"), "build_pipeline() is missing"),
            (LOGISTIC.replace("return make", "return (make"), "SyntaxError"),
            (stub("X", head="import no_such_package"), "use what is installed"),
            (stub("X", fit="exit()"), "it called exit(None) instead of answering"),
            (stub("X", features="X.dropna()"), "return a DataFrame or array with the same rows"),
            ("", "feature_fn(X) is missing"),
            ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ],
        ids=["no build_pipeline", "syntax error", "not installed", "exit", "fewer rows", "empty", "interrupt"],
    )
    def test_broken_contract(self, tmp_path: Path, source: str, said: str):
        """A train.py that breaks its contract crashes in one line, with its traceback kept."""
        found = scorer(tmp_path).evaluate(source, 5)
        assert said in refused(found)
        assert found.traceback


class TestTime:
    SLOW = stub(ranking("X['size']"), fit="__import__('time').sleep(0.05)")

    def timed(self, root: Path, seconds: float) -> Evaluation:
        """Measure the slow source, a quarter of a second a repeat, within so many seconds."""
        made = scorer(root)
        made.study = type(made.study).from_json(made.study.to_json().replace("180.0", str(seconds)))
        return made.evaluate(self.SLOW, 5)

    def test_slow_trial_counts_its_complete_repeats(self, tmp_path: Path):
        """A trial that runs out of time after complete repeats is scored on these, and says so."""
        found = self.timed(tmp_path, 0.75)
        assert found.state is State.COMPLETE
        assert 1 <= len(found.scores) < 5
        assert all(len(repeat) == 5 for repeat in found.scores)
        assert found.note == f"slow: {len(found.scores)} of 5 repeats within 0.75 s"

    def test_no_complete_repeat_is_timed_out(self, tmp_path: Path):
        """A trial without one complete repeat has timed out and has no score."""
        found = self.timed(tmp_path, 0.12)
        assert found.state is State.TIMED_OUT
        assert (found.scores, found.predictions) == ((), None)
        assert found.error

    def test_fast_enough_has_no_note(self, tmp_path: Path):
        """A trial within its budget is measured on all repeats, without remark."""
        found = scorer(tmp_path).evaluate(BY_SIZE, 5)
        assert (len(found.scores), found.note) == (5, "")
        assert found.wall_s > 0
