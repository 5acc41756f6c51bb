"""A script is split by what its functions do; what cannot be mapped is refused with the edit that helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import TASKS, parts_of

from autoresearch import script
from autoresearch.decompose import decompose
from autoresearch.errors import AutoresearchError
from autoresearch.origins import origin

MODEL = "from sklearn.svm import SVC\ndef build_model():\n    return SVC()\n"
FEATURES = "def make(df):\n    {}\n    return df\n"

ROLES = {
    "heart_binary": ["load_data", "engineer_features", "build_model", "evaluate", "main"],
    "rings_regression": ["load_data", "engineer_features", "build_preprocessing", "build_model"],
    "diabetes_lightgbm": ["load_data", "engineer_features", "build_model", "evaluate"],
    "messy_credit": [
        "helper", "helper", "load_data", "engineer_features", "engineer_features", "build_model", "own", "own",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
def test_roles_of_real_scripts(name: str):
    """Every function of a script has the role that a reader would give it."""
    assert list(parts_of(name).roles.values()) == ROLES[name]


@pytest.mark.parametrize("name", ["build_model", "create_model", "get_estimator", "train", "make_clf", "anything"])
def test_what_returns_an_estimator_is_the_model(name: str):
    """Whatever its name, a function that returns an estimator is the model, fitted or not."""
    assert decompose(MODEL.replace("build_model", name), "my.py").model.function == name
    fitted = f"from sklearn.svm import SVC\ndef {name}(X, y):\n    m = SVC()\n    return m.fit(X, y)\n"
    model = decompose(fitted, "my.py").model
    assert (model.takes, model.gives_fitted, model.whole) == (("X", "y"), True, True)


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ("import lightgbm as lgb", "lightgbm"),
        ("from xgboost import XGBClassifier", "xgboost"),
        ("from catboost import CatBoostClassifier", "catboost"),
        ("import torch.nn as nn", "torch"),
        ("from tensorflow import keras", "tensorflow"),
    ],
)
def test_frameworks_are_found_from_the_imports(imports: str, found: str):
    """The frameworks are those that the script imports, by the names that people know."""
    assert decompose(f"{imports}\n{MODEL}", "my.py").frameworks == (found, "scikit-learn")


@pytest.mark.parametrize(
    ("body", "beyond"),
    [
        ("df['a'] = df['b'] * 2", False),
        ("df['a'] = df[['b', 'c']].mean(axis=1)", False),
        ("df['a'] = df['b'].str.count('x')", False),
        ("df['a'] = df.apply(lambda row: row.max(), axis=1)", False),
        ("df['a'] = df['b'] - df['b'].mean()", True),
        ("df['a'] = df.groupby('b')['c'].transform('mean')", True),
        ("df['a'] = df['b'].astype('category').cat.codes", True),
        ("df = pd.get_dummies(df)", True),
    ],
)
def test_features_that_look_at_other_rows_become_a_fitted_step(body: str, beyond: bool):
    """Features are a step of the pipeline, with the reason said, where a value of one row comes from others."""
    parts = decompose(MODEL + FEATURES.format(body), "my.py", "target")
    assert bool(parts.fitted_because) == beyond
    assert any("becomes a fitted step" in note for note in parts.notes) == beyond


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MODEL + FEATURES.format("df = df.dropna()"),
         "my.py:5: make: leaves rows out (df.dropna()); move that to where the table is read"),
        (MODEL + FEATURES.format("df['a'] = df['target'] * 2"),
         "my.py:5: make: reads the target 'target' ('target'); take the target away in main before it is called, "
         "or write drop(..., errors='ignore')"),
        (MODEL + "def make(df):\n    df['a'] = 1\n    return df, df['target']\n",
         "my.py:6: make: returns more than the features (df, df['target']); "
         "let it return the features alone, and take the target in main"),
        (MODEL + "def make(df, window):\n    df['a'] = window\n    return df\n",
         "my.py:4: make: argument 'window' is no data and has no default; give it a default"),
        ("import lightgbm as lgb\ndef fit(X, y):\n    return lgb.train({}, lgb.Dataset(X, y))\n",
         "my.py:2: fit: returns a native booster; return the estimator: LGBMClassifier(**params)"),
        ("import torch.nn as nn\ndef build_model():\n    return nn.Sequential(nn.Linear(3, 1))\n", "returns a network"),
        ("from sklearn.svm import SVC\ndef models():\n    return {'a': SVC()}\n", "returns more than one thing"),
        ("import pandas as pd\nZIPS = pd.read_csv('z.csv')\n" + MODEL + FEATURES.format("df['a'] = len(ZIPS)"),
         "my.py:2: make: uses ZIPS, which is read from a file (pd.read_csv('z.csv')); pass it as an argument"),
        ("from .own import thing\n" + MODEL, "the script imports from files beside it"),
        ("def hello():\n    return 1\n", "my.py: no function returns an estimator; the smallest edit: put what makes"),
        ("%matplotlib inline\n" + MODEL, "my.py:1: no Python: invalid syntax; remove the line, it is a notebook's"),
        ("", "my.py: has no functions to search over"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused(text: str, said: str):
    """A refusal is one line: the function, the reason, and the edit that would help."""
    with pytest.raises(AutoresearchError) as caught:
        decompose(text, "my.py", "target")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arguments_are_what_the_script_gives():
    """A literal or a constant is carried over; a value known at run time alone leaves the default, and is said."""
    text = MODEL.replace("build_model()", "build_model(C, kernel='rbf', tol=1)") + (
        "BEST = 3\ndef main():\n    width = 2\n    build_model(BEST, kernel='linear', tol=width)\nmain()\n"
    )
    parts = decompose(text, "my.py")
    assert parts.model.arguments == "build_model(C=BEST, kernel='linear')"
    assert any("'tol'" in note for note in parts.notes)


def test_dropping_the_target_forgivingly_is_no_reading():
    """Features that drop the target with errors='ignore' work without it."""
    parts = decompose(MODEL + FEATURES.format("df = df.drop(columns=['target'], errors='ignore')"), "my.py", "target")
    assert [step.takes for step in parts.features] == [("X",)]
    assert parts.fitted_because == ""


def test_loader_that_cleans_is_said():
    """What a loader does beyond reading is not measured, and a note says which line that is."""
    text = (
        MODEL + "import pandas as pd\ndef load():\n    df = pd.read_csv('a.csv')\n    df = df.dropna()\n    return df\n"
    )
    assert "line 7: df = df.dropna()" in " ".join(decompose(text, "my.py").notes)
    assert not decompose(text.replace("    df = df.dropna()\n", ""), "my.py").notes


@pytest.mark.parametrize(
    ("text", "data", "targets"),
    [
        ("df = pd.read_csv('a.csv')\ny = df['b'].map({0: 1}).values", "a.csv", ("b",)),
        ("PATH = Path('data') / 'a.csv'\nTARGET = 'b'\ndf = pd.read_csv(PATH)\ny = df[TARGET]", "data/a.csv", ("b",)),
        ("def load(path='a.csv'):\n    return pd.read_csv(path)\ny = load().pop('b')", "a.csv", ("b",)),
        ("df = pd.read_csv(os.path.join('d', 'a.csv'))\nX = df.drop('b', axis=1)", "d/a.csv", ("b",)),
        ("df = pd.read_parquet('a.parquet')\nX, y = df.drop(columns=['b']), df.b", "a.parquet", ("b",)),
        ("from sklearn.datasets import load_iris\nX, y = load_iris(return_X_y=True)", "iris", ("target",)),
        ("df = pd.read_csv(sys.argv[1])", "", ()),
    ],
)
def test_origin(text: str, data: str, targets: tuple[str, ...]):
    """The table that a script reads and the column that it predicts are found where it says them."""
    found = origin(script.read(text, "my.py"))
    assert (found.data, found.targets) == (data, targets)


@given(st.text(alphabet="ab_ .=()\n#'", max_size=40))
def test_renaming_keeps_the_rest(tail: str):
    """Only the name itself is written anew: attributes, keyword arguments, longer names and comments stay."""
    comment = "".join(letter for letter in tail if letter != "\n")
    code = f"def old(x):  # old {comment}\n    return older(x.old, old=old(x))\n"
    assert script.renamed(code, "old", "new") == (
        f"def new(x):  # old {comment}\n    return older(x.old, old=new(x))\n"
    )


def test_pieces_keep_their_comments_and_not_a_notebooks_marks():
    """A comment right above a function is its own; a cell's mark is not."""
    read = script.read("# %%\n# why\n@cache\ndef f():\n    return 1\n\n# loose\n\nx = 1; y = 2\n", "my.py")
    assert [piece.text for piece in read.pieces] == ["# why\n@cache\ndef f():\n    return 1", "x = 1", "y = 2"]
