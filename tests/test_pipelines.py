"""Scripts on disk: what they study is found, and the best of them is written beside them and runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import FILES, TASKS, lay_script, offered, recompositions, text_of

from autoresearch.errors import AutoresearchError
from autoresearch.pipelines import Pipeline, open_pipeline
from autoresearch.recomposition import Recomposition

PLAIN = {"as_is", "scale_and_encode", "logistic_regression", "ridge"}
MODEL = "from sklearn.linear_model import Ridge\ndef build_model():\n    return Ridge()\n"


def run(path: Path) -> str:
    """What a script prints, run as a person would."""
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def chosen(pipeline: Pipeline, own: tuple[bool, bool, bool], others: set[str] = PLAIN) -> Recomposition:
    """The composition with the person's own code where `own` says so, and these variants of the library elsewhere."""
    found = recompositions(pipeline.path.stem, pipeline.parts)
    return next(c for c in found if c.own == own and {v.name for v in c.choice} <= {*others, "own"})


@pytest.mark.parametrize("name", TASKS)
class TestEveryScript:
    def test_says_what_it_found(self, name: str, tmp_path: Path):
        """A script is opened without a word about its table and target, and says what was made of it."""
        pipeline = open_pipeline(lay_script(name, tmp_path))
        file, target = FILES[name]
        assert (Path(pipeline.subject.data).name, pipeline.subject.target) == (file, target)
        assert pipeline.said[1].endswith(f"target: {target}")
        assert "build_model" in pipeline.said[0]

    def test_own_best_is_the_script_itself(self, name: str, tmp_path: Path):
        """Where nothing beats the person's own code, what is written is the script with a line on top."""
        pipeline = open_pipeline(lay_script(name, tmp_path))
        path = pipeline.write_best(pipeline.own(offered(name)))
        lines = path.read_text().splitlines()
        added = [line for line in lines if line.startswith(f"# {name}.py as autoresearch search leaves it: ")]
        assert len(added) == 1
        lines.remove(added[0])
        assert lines == text_of(name).splitlines()

    @pytest.mark.slow
    def test_written_back_runs_by_itself(self, name: str, tmp_path: Path):
        """The written file runs with plain python and prints what the original prints, with other figures."""
        pipeline = open_pipeline(lay_script(name, tmp_path))
        before = run(pipeline.path)
        path = pipeline.write_best(chosen(pipeline, (True, False, False)))
        after = run(path)
        assert re.sub(r"-?[\d.]+", "#", after) == re.sub(r"-?[\d.]+", "#", before)
        assert after != before
        assert pipeline.path.read_text() == text_of(name)

    def test_features_of_the_library_never_see_the_target(self, name: str, tmp_path: Path):
        """Features of the library are made within the model, the target is gone where the script's own were."""
        pipeline = open_pipeline(lay_script(name, tmp_path))
        path = pipeline.write_best(
            chosen(pipeline, (False, False, False), {"products", "scale_and_encode", "logistic_regression", "ridge"})
        )
        text = path.read_text()
        assert text.count("FunctionTransformer(best_features)") == 1
        assert text.count(f'.drop(columns=["{pipeline.subject.target}"], errors="ignore")  # best_features') == len(
            pipeline.parts.features
        )
        run(path)

    def test_everything_else_stays_as_it_was(self, name: str, tmp_path: Path):
        """Every piece of the script that no slot replaces is there, letter for letter."""
        pipeline = open_pipeline(lay_script(name, tmp_path))
        text = pipeline.write_best(chosen(pipeline, (False, False, False))).read_text()
        replaced = {
            s.function for s in (*pipeline.parts.features, pipeline.parts.model, pipeline.parts.preprocessing) if s
        }
        for piece in pipeline.parts.script.pieces:
            if piece.kind != "import" and not piece.names & replaced:
                assert piece.text in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "own"),
    [("messy_credit", (True, False, True)), ("diabetes_lightgbm", (False, True, True)),
     ("rings_regression", (False, True, True)), ("rings_regression", (True, True, False))],
)  # fmt: skip
def test_own_code_under_new_company_runs(name: str, own: tuple[bool, bool, bool], tmp_path: Path):
    """The person's model behind the library's preprocessing or features, and the reverse, run by themselves."""
    pipeline = open_pipeline(lay_script(name, tmp_path))
    others = {"quantiles", "ratios", "logistic_regression", "ridge"}
    path = pipeline.write_best(chosen(pipeline, own, others))
    assert run(path) != run(pipeline.path)


def test_nothing_is_overwritten(tmp_path: Path):
    """The best goes beside the original under the next free name, whatever lies there."""
    pipeline = open_pipeline(lay_script("heart_binary", tmp_path))
    best = pipeline.own(offered("heart_binary"))
    (tmp_path / "heart_binary.best-2.py").write_text("mine")
    assert [pipeline.write_best(best).name for _ in range(2)] == ["heart_binary.best.py", "heart_binary.best-3.py"]
    assert (tmp_path / "heart_binary.best-2.py").read_text() == "mine"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encoding_and_line_ends_stay(encoding: str, tmp_path: Path):
    """A script in another encoding, with other line ends, is written back in the same ones."""
    path = lay_script("heart_binary", tmp_path)
    text = (
        path.read_text()
        .replace("table.", "table: größer.")
        .replace("#!/usr/bin/env python\n", f"# coding: {encoding}\n")
    )
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    pipeline = open_pipeline(path)
    best = pipeline.write_best(chosen(pipeline, (False, False, False)))
    data = best.read_bytes()
    assert b"\r\r" not in data
    assert data.count(b"\r\n") == data.count(b"\n")
    assert "größer" in data.decode(encoding)
    run(best)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (MODEL, {}, "my.py: does not say which column it predicts; pass --target COLUMN"),
        (MODEL, {"target": "a"}, "my.py: reads no table; pass --data FILE"),
        (MODEL + "import sys, pandas as pd\ndf = pd.read_csv(sys.argv[1])\ny = df['a']\n", {},
         "my.py:5: reads a file of which only the running script knows the name; pass --data FILE"),
        (MODEL + "import pandas as pd\ndf = pd.read_csv('gone.csv')\ny = df['a']\n", {},
         "my.py:5: reads 'gone.csv', which is neither beside the script nor here; pass --data FILE"),
        (MODEL + "import pandas as pd\ndf = pd.read_csv('t.csv')\ny = df['a']\ny = df['b']\n", {},
         "my.py: may predict 'a' or 'b'; pass --target COLUMN"),
        (MODEL + "from sklearn.datasets import fetch_covtype\nX, y = fetch_covtype(return_X_y=True)\n", {},
         "my.py:5: reads the data set 'covtype' of a library; write it to a CSV, pass --data covtype.csv"),
    ],
)  # fmt: skip
def test_what_the_script_leaves_open_is_asked_for(text: str, options: dict[str, str], said: str, tmp_path: Path):
    """Where table or target cannot be found, the message says exactly what to pass."""
    (tmp_path / "my.py").write_text(text)
    with pytest.raises(AutoresearchError) as caught:
        open_pipeline(tmp_path / "my.py", **options)
    assert str(caught.value) == said


def test_what_a_person_says_goes_first(tmp_path: Path):
    """`--data` and `--target` are taken before anything that the script says."""
    pipeline = open_pipeline(lay_script("heart_binary", tmp_path), "other.csv", "age_group")
    assert (pipeline.subject.data, pipeline.subject.target) == ("other.csv", "age_group")


def test_script_without_functions_is_told_the_smallest_edit(tmp_path: Path):
    """A plain script is refused in one line that holds the edit."""
    with pytest.raises(AutoresearchError) as caught:
        open_pipeline(lay_script("no_functions", tmp_path))
    assert str(caught.value) == (
        "no_functions.py: has no functions to search over; the smallest edit: put lines 7 to 10 into a function, "
        "`def build_model(): return GradientBoostingClassifier(n_estimators=50, random_state=0)`, and call it there"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "my.py: cannot be read: No such file or directory; give the path of a script"),
        (b"# coding: nonsense\n", "my.py: is no text in the encoding that it says: unknown encoding: nonsense"),
        (b"x = '\xff'\n", "my.py: is no text in the encoding that it says: "),
        (b"x = (\n", "my.py:1: no Python: '(' was never closed; mend the line first"),
        (b"x = '\0'\n", "my.py"),
    ],
)
def test_what_is_no_script_is_refused(data: bytes | None, said: str, tmp_path: Path):
    """A file that is not there, is no text, or is no Python is refused in one line."""
    path = tmp_path / "my.py"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(AutoresearchError) as caught:
        open_pipeline(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_name_with_another_meaning_is_refused(tmp_path: Path):
    """An import that would change what a name of the script means is not written."""
    path = lay_script("heart_binary", tmp_path)
    path.write_text(path.read_text().replace("def evaluate", "OneHotEncoder = None\n\n\ndef evaluate"))
    pipeline = open_pipeline(path)
    with pytest.raises(AutoresearchError, match="'OneHotEncoder' is its own there"):
        pipeline.write_best(chosen(pipeline, (True, False, False)))
