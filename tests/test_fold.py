"""One fold: the contract of train.py, and what is said where a train.py breaks it."""

import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from support import LOGISTIC, ranking, stub, table

from autoresearch.fold import Failure, FoldTask, answer, failure
from autoresearch.metrics import Response


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back the module under which a fold registers its train.py."""
    monkeypatch.delitem(sys.modules, "train", raising=False)


ROWS = table(80)
X = ROWS.drop(columns="label")


def predictions(source: str, response: Response = "score", features: pd.DataFrame = X) -> np.ndarray:
    """What a train.py answers for the last 20 rows of the small table, trained on the first 60."""
    y = ROWS["label"].to_numpy()[:60]
    return answer(FoldTask((0, 0), source, np.arange(60), y, np.arange(60, 80), response, 2), features)


def broken(source: str, response: Response = "score") -> Failure:
    """What a fold says of a train.py that fails."""
    try:
        predictions(source, response)
    except BaseException as error:
        found = failure(error)
    else:
        pytest.fail("the fold answered")
    assert "\n" not in found.message
    assert found.message.startswith("train.py")
    assert not found.timed_out
    return found


def code(text: str) -> str:
    """A whole train.py from an indented text."""
    return textwrap.dedent(text).lstrip()


class TestAnswers:
    def test_ranking_is_the_probability_of_the_last_class(self):
        """A metric that ranks rows gets the positive class's probability."""
        found = predictions(stub(ranking("X['age'] / 100")))
        assert found == pytest.approx(ROWS["age"].to_numpy()[60:] / 100)

    def test_probabilities_have_a_column_per_class(self):
        """A metric on probabilities gets all of them."""
        found = predictions(LOGISTIC, "probability")
        assert found.shape == (20, 2)
        assert found.sum(axis=1) == pytest.approx(np.ones(20))

    @pytest.mark.parametrize("response", ["label", "value"])
    def test_labels_and_values_come_from_predict(self, response: Response):
        """A metric on labels or values gets what predict gives, as numbers."""
        found = predictions(stub("np.ones(len(X), dtype=bool)"), response)
        assert found.dtype == np.float64
        assert found.tolist() == [1.0] * 20

    def test_decision_function_ranks_where_there_are_no_probabilities(self):
        """An estimator without probabilities may rank rows by its decision function."""
        source = code("""
            from sklearn.pipeline import make_pipeline
            from sklearn.impute import SimpleImputer
            from sklearn.svm import LinearSVC

            def feature_fn(X):
                return X.select_dtypes("number")

            def build_pipeline():
                return make_pipeline(SimpleImputer(), LinearSVC())
        """)
        assert predictions(source).shape == (20,)
        assert broken(source, "probability").message == (
            "train.py: Pipeline has no predict_proba, which this metric needs"
        )

    def test_features_may_be_an_array(self):
        """feature_fn may return a bare array."""
        source = LOGISTIC.replace('X.select_dtypes("number")', 'X[["size"]].to_numpy()')
        assert predictions(source).shape == (20,)

    def test_what_train_py_does_to_its_rows_stays_with_it(self):
        """A feature_fn that writes into its table changes no row of the harness."""
        spoil = "\n\ndef spoil(X):\n    X['size'] = 0.0\n    return X\n"
        given = X.copy()
        predictions(stub(ranking("X['size']"), head=spoil, features="spoil(X)"), features=given)
        pd.testing.assert_frame_equal(given, X)

    def test_its_functions_can_be_pickled(self):
        """A function that train.py defines can be used where scikit-learn pickles, or clones."""
        source = code("""
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import FunctionTransformer
            from sklearn.tree import DecisionTreeClassifier
            from pickle import dumps, loads

            def positive(X):
                return X[["size"]] > 0

            def feature_fn(X):
                return X

            def build_pipeline():
                return loads(dumps(make_pipeline(FunctionTransformer(positive), DecisionTreeClassifier())))
        """)
        assert predictions(source).shape == (20,)


class TestContract:
    @pytest.mark.parametrize(
        ("name", "signature"), [("feature_fn", "feature_fn(X)"), ("build_pipeline", "build_pipeline()")]
    )
    def test_missing_function_is_named(self, name: str, signature: str):
        """Without one of its two functions train.py is told which one to define."""
        found = broken(LOGISTIC.replace(f"def {name}", f"def other_{name}"))
        assert found.message == f"train.py: {signature} is missing; define it at the top level"

    def test_something_that_cannot_be_called_is_missing(self):
        """A name that is no function does not serve."""
        assert "feature_fn(X) is missing" in broken(LOGISTIC + "\nfeature_fn = 3\n").message

    def test_pipeline_needs_fit(self):
        """What build_pipeline returns has to be an estimator."""
        found = broken(LOGISTIC + "\ndef build_pipeline():\n    return None\n")
        assert found.message == "train.py: build_pipeline returned NoneType, which has no fit"

    @pytest.mark.parametrize(
        ("features", "shape"),
        [("X.dropna()", "(38, 4)"), ("X.iloc[:-1]", "(59, 4)"), ("None", "None"), ("3.0", "None")],
    )
    def test_features_keep_their_rows(self, features: str, shape: str):
        """A feature_fn that drops rows, or returns no table, is told to keep them."""
        found = broken(stub("X['size']", features=features))
        assert f"of shape {shape} for 60 rows; return a DataFrame or array with the same rows" in found.message

    def test_probabilities_of_another_number_of_classes(self):
        """predict_proba of another width is no ranking of two classes."""
        found = broken(stub("np.ones((len(X), 3)) / 3"))
        assert found.message == "train.py: predict_proba gave shape (20, 3) for 20 rows and 2 classes"


class TestRowWise:
    @pytest.mark.parametrize(
        "features",
        [
            "(X[['size']] - X['size'].mean()) / X['size'].std()",
            "X[['size']].rank()",
            "X[['age']].shift(1)",
            "X[['dose']].fillna(X['dose'].median())",
            "X.assign(place=X.index)",
            "X.assign(noise=np.random.default_rng().normal(size=len(X)))",
            "X.assign(rows=len(X))",
            "X.groupby('kind', dropna=False)[['age']].transform('mean')",
            "pd.get_dummies(X['kind'])",
        ],
    )
    def test_values_that_look_at_other_rows_are_refused(self, features: str):
        """A feature that changes when other rows are absent or in another order belongs into the pipeline."""
        found = broken(stub(ranking("np.zeros(len(X))"), features=features, head="import pandas as pd"))
        assert found.message.startswith("train.py: feature_fn is not row-wise: ")
        assert found.message.endswith("; move what looks at other rows into build_pipeline, as a fitted step")

    def test_state_between_calls_is_refused(self):
        """A feature that remembers earlier calls is none of the row."""
        count = "\n\nseen = []\n\n\ndef count(X):\n    seen.append(1)\n    return X.assign(calls=len(seen))\n"
        found = broken(stub(ranking("np.zeros(len(X))"), features="count(X)", head=count))
        assert "not row-wise: a second call changes its values" in found.message

    @pytest.mark.parametrize(
        "features",
        [
            "X",
            "X[['size']].to_numpy()",
            "X.assign(log=np.log1p(X['age']))",
            "X.assign(kind=X['kind'].astype('category'))",
            "X.assign(kind=X['kind'].str.upper(), gap=X['dose'].isna())",
            "X[['size', 'age']].to_numpy() @ np.ones((2, 3))",
            "X['size']",
        ],
    )
    def test_values_of_the_row_alone_pass(self, features: str):
        """Whatever is computed from a row itself is a feature, as a table or as an array."""
        assert predictions(stub(ranking("np.zeros(len(X))"), features=features)).tolist() == [0.0] * 20


class TestFailures:
    def test_syntax_error_names_the_line(self):
        """What does not parse is said with its line, and the traceback shows it without the harness's frames."""
        found = broken("import numpy as np\n\ndef feature_fn(X:\n    return X\n")
        assert found.message.startswith("train.py:3: SyntaxError: ")
        assert "def feature_fn(X:" in found.traceback
        assert "fold.py" not in found.traceback

    def test_null_bytes_are_a_failure_too(self):
        """A file that Python cannot even read as source fails in one line."""
        assert "null" in broken("x = 1\0\n").message

    def test_error_names_the_line_in_train_py(self):
        """An error deep in a library is put down to train.py's line, the traceback starts there."""
        found = broken(stub("X['size']", fit="np.linalg.inv(np.zeros((2, 2)))"))
        assert found.message == "train.py:12: LinAlgError: Singular matrix"
        assert found.traceback.splitlines()[1].strip().startswith('File "train.py", line 12')
        assert "np.linalg.inv" in found.traceback
        assert "fold.py" not in found.traceback

    def test_not_installed_says_what_may_be_used(self):
        """Importing what is not there is answered with the way to get it."""
        found = broken(stub("X['size']", head="import no_such_package"))
        assert found.message == (
            "train.py:2: No module named 'no_such_package'; use what is installed, "
            "or a person adds it with `uv add` between runs"
        )

    @pytest.mark.parametrize("leave", ["exit()", "raise SystemExit(0)", "import sys; sys.exit(0)"])
    def test_exit_is_a_failure_even_with_code_0(self, leave: str):
        """Ending the process is not answering."""
        found = broken(stub("X['size']", fit=leave))
        assert "it called exit(" in found.message
        assert found.message.endswith("instead of answering")

    def test_exit_at_the_top(self):
        """A train.py that ends while it is loaded fails, too."""
        assert "it called exit(0) instead of answering" in broken("raise SystemExit(0)\n" + LOGISTIC).message

    def test_message_stays_short(self):
        """A message of many lines or letters becomes one bounded line; the traceback keeps all of it."""
        found = broken(stub("X['size']", fit="raise ValueError('a\\nb ' * 500)"))
        assert len(found.message) <= 300
        assert found.message.startswith("train.py:12: ValueError: a b a b")
        assert len(found.traceback) > 1000

    def test_deep_recursion_is_a_failure(self):
        """Endless recursion ends in one line."""
        found = broken(stub("X['size']", fit="self.fit(X, y)"))
        assert found.message.startswith("train.py:12: RecursionError")
