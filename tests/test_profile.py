"""The profile: a page and a summary of the training rows, and the search for sealed rows in the tree."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import run_real
from test_findings import small

from autoresearch import data, prepared, profile
from autoresearch.errors import DataError
from autoresearch.exposure import exposures
from autoresearch.study import load

STUDY = """
[study]
name = "mine"
data = "{data}"
target = "sick"
task = "binary"
[evaluation]
metric = "roc_auc"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with a study over `small`, each row with a word of its own, its table outside the folder."""
    frame = small().assign(word=[f"word{row:04d}x" for row in range(400)])
    root = tmp_path / "study"
    root.mkdir()
    frame.to_csv(tmp_path / "mine.csv", index=False)
    (root / "study.toml").write_text(STUDY.format(data="../mine.csv"))
    return root


@pytest.fixture
def frames(study: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training rows and sealed rows of a split that is none of the study's."""
    frame = pd.read_csv(study.parent / "mine.csv")
    return frame.iloc[:300], frame.iloc[300:]


def rows_of(root: Path) -> pd.DataFrame:
    """The training rows of a prepared study."""
    found = load(root / "study.toml")
    known = prepared.read(root, found)
    assert known is not None
    return profile.rows_of(data.training(root, found, known), found, known)


class TestPage:
    """data/profile.html."""

    @pytest.fixture
    def page(self, study: Path) -> str:
        found = data.prepare(study, load(study / "study.toml"))
        path = profile.write(study, rows_of(study), found)
        assert path == study / "data" / "profile.html"
        return path.read_text(encoding="utf-8")

    def test_holds_no_sealed_row(self, study: Path, page: str):
        """Words of training rows are on the page, words of sealed rows are not."""
        words = set(re.findall(r"word\d{4}x", page))
        training = set(rows_of(study)["word"])
        everything = set(pd.read_csv(study.parent / "mine.csv")["word"])
        assert len(everything - training) == 80
        assert words
        assert words <= training

    def test_loads_nothing(self, page: str):
        """No script, style, picture or font comes from an address."""
        assert not re.findall(r"<(?:script|img|iframe|link|source)\b[^>]*(?:src|href)\s*=\s*[\"']?(?!data:|#)\w", page)
        assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", page)
        assert not re.findall(r"\b(?:fetch|XMLHttpRequest|importScripts)\s*\(", page)

    def test_says_the_findings(self, study: Path, page: str):
        """The findings stand above the report, as text and not as markup."""
        found = prepared.read(study, load(study / "study.toml"))
        assert found is not None
        assert len(found.findings) == 1
        assert "&#x27;word&#x27; is different in every row" in page
        assert page.index("<body") < page.index("Findings") < page.index("word")

    def test_long_and_wide_tables_are_bounded(self, study: Path, monkeypatch: pytest.MonkeyPatch):
        """Beyond a number of rows or columns a part is looked at, and the title says so."""
        found = data.prepare(study, load(study / "study.toml"))
        monkeypatch.setattr(profile, "ROWS", 100)
        monkeypatch.setattr(profile, "COLUMNS", 3)
        page = profile.write(study, rows_of(study), found).read_text(encoding="utf-8")
        assert "100 of 320 training rows, 3 of 5 columns" in page

    def test_no_place_to_write(self, study: Path):
        """A page that cannot be written is one line that says what to do."""
        found = data.prepare(study, load(study / "study.toml"))
        rows = rows_of(study)
        (study / "data" / "profile.html").mkdir()
        with pytest.raises(DataError, match=r"data/profile\.html cannot be written: .*; the study is prepared"):
            profile.write(study, rows, found)


class TestStructure:
    """Studies with groups or time."""

    def write(self, study: Path, section: str) -> None:
        """Give the study a bed for eight rows each, a day for each row, and a structure."""
        frame = pd.read_csv(study.parent / "mine.csv").drop(columns="word")
        frame["bed_id"] = [row % 50 for row in range(len(frame))]
        frame["day"] = pd.date_range("2020-01-01", periods=len(frame)).astype(str)
        frame.to_csv(study.parent / "mine.csv", index=False)
        (study / "study.toml").write_text(STUDY.format(data="../mine.csv") + section)

    def test_undeclared_structure_is_said(self, study: Path):
        """Without a structure both columns are pointed at, with what to type."""
        self.write(study, "")
        said = " ".join(data.prepare(study, load(study / "study.toml")).findings)
        assert "--group bed_id" in said
        assert "--time day" in said

    def test_declared_group_is_profiled_and_not_warned_of(self, study: Path):
        """A declared group is on the profile, although it is no feature, and is asked for no more."""
        self.write(study, '[group]\ncolumn = "bed_id"\n')
        found = data.prepare(study, load(study / "study.toml"))
        assert "--group" not in " ".join(found.findings)
        assert "bed_id" in rows_of(study)

    def test_declared_time_and_lags_are_not_warned_of(self, study: Path):
        """Nor is a declared time, and lags, which the study asked for, are no leaks."""
        self.write(study, '[time]\ncolumn = "day"\n[time.lags]\nsize = [1]\n')
        found = data.prepare(study, load(study / "study.toml"))
        assert "size_lag_1" in rows_of(study)
        assert not [line for line in found.findings if "--time" in line or "lag" in line]


class TestSummary:
    """What is printed."""

    def test_lines_where_no_terminal_is(self, study: Path, capsys: pytest.CaptureFixture[str]):
        """A line for a column, a line for a finding, whatever the width."""
        found = data.prepare(study, load(study / "study.toml"))
        profile.show(rows_of(study), found)
        lines = capsys.readouterr().out.splitlines()
        assert "column: kind | str | missing 0.0% | distinct 3 |" in " ".join(lines)
        assert [line for line in lines if line.startswith("column: ")] == lines[:5]
        assert lines[5:] == [f"warning: {finding}" for finding in found.findings]

    def test_table_on_a_terminal(
        self, study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ):
        """On a terminal the columns are a table."""
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "200")
        found = data.prepare(study, load(study / "study.toml"))
        profile.show(rows_of(study), found)
        out = capsys.readouterr().out
        assert "distinct" in out
        assert "column: " not in out
        assert "warning: identifier" in out

    def test_work_is_shown_on_a_terminal(
        self, study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ):
        """While a table is prepared a terminal says what is done; elsewhere nothing is said of it."""
        data.prepare(study, load(study / "study.toml"))
        assert capsys.readouterr().err == ""
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        found = data.prepare(study, load(study / "study.toml"))
        profile.write(study, rows_of(study), found)
        err = capsys.readouterr().err
        for said in (
            "reading",
            "fingerprint",
            "looking for leaks",
            "writing the training rows",
            "drawing data/profile",
        ):
            assert said in err

    def test_every_kind_of_column_is_summed_up(self, study: Path, capsys: pytest.CaptureFixture[str]):
        """Numbers and dates by their range, flags by a share, text by what is most frequent; no value is no error."""
        found = data.prepare(study, load(study / "study.toml"))
        rows = pd.DataFrame(
            {
                "n": [1, 2, 30],
                "flag": [True, True, False],
                "day": pd.to_datetime(["2020-01-01", "2020-02-01", None]),
                "text": ["b", "b", "a\nc"],
                "none": [None, None, None],
            }
        )
        profile.show(rows, found)
        said = [line.rsplit(" | ", 1)[1] for line in capsys.readouterr().out.splitlines() if line.startswith("column")]
        assert said == ["1 to 30", "66.7% true", "2020-01-01 00:00:00 to 2020-02-01 00:00:00", "b, a c", "none"]


class TestExposure:
    """Files in the working tree that hold sealed rows."""

    def test_table_in_the_tree_is_named(self, study: Path):
        """A study's own file inside the folder is a warning that is kept in the manifest, and says what to do."""
        (study.parent / "mine.csv").rename(study / "mine.csv")
        (study / "study.toml").write_text(STUDY.format(data="mine.csv"))
        found = data.prepare(study, load(study / "study.toml"))
        (line,) = [line for line in found.findings if line.startswith("sealed rows in the tree")]
        assert "mine.csv holds at least 80 of the 80 sealed rows" in line
        assert "move it out" in line
        known = prepared.read(study, load(study / "study.toml"))
        assert known == found

    def test_table_outside_and_own_rows_are_not(self, study: Path):
        """A table outside the folder, and the training rows in data/, tell nothing."""
        for _ in range(2):
            found = data.prepare(study, load(study / "study.toml"))
            assert not [line for line in found.findings if line.startswith("sealed rows")]

    def test_rows_of_another_preparation_are_named(self, study: Path):
        """Training rows that another split left in data/ may be sealed now; they are to be deleted, not read again."""
        data.prepare(study, load(study / "study.toml"))
        text = (study / "study.toml").read_text()
        (study / "study.toml").write_text(text.replace('name = "mine"', 'name = "other"') + "[holdout]\nseed = 7\n")
        found = data.prepare(study, load(study / "study.toml"))
        (line,) = [line for line in found.findings if line.startswith("sealed rows in the tree")]
        assert "data/mine.parquet holds at least" in line
        assert line.endswith("; it is what another preparation left: delete it, or move it out of this folder")

    @pytest.mark.parametrize(
        "name", ["deep/down/copy.csv", "semicolons.csv", "copy.csv.gz", "copy.parquet", "copy.tsv"]
    )
    def test_copies_are_found_in_any_format(self, tmp_path: Path, frames, name: str):
        """A copy is known by its rows: other folder, separator, format, order of rows and columns."""
        training, holdout = frames
        tree = tmp_path / "tree"
        path = tree / name
        path.parent.mkdir(parents=True)
        copy = pd.concat([training, holdout]).sample(frac=1, random_state=0).iloc[:, ::-1]
        if name.endswith("parquet"):
            copy.to_parquet(path)
        else:
            separator = {"semicolons.csv": ";", "copy.tsv": "\t"}.get(name, ",")
            copy.to_csv(path, index=False, sep=separator)
        assert exposures(tree, training, holdout, "sick") == {name: 100}

    def test_dates_and_gaps_read_alike(self, tmp_path: Path, frames):
        """Dates and gaps of a CSV are those of the typed table."""
        training, holdout = (
            part.assign(day=pd.to_datetime("2020-01-01") + pd.to_timedelta(part.index, "D"), dose=part["dose"].where(
                part.index % 3 > 0), flag=part["size"] > 0)
            for part in frames
        )  # fmt: skip
        holdout.to_csv(tmp_path / "held.csv", index=False)
        assert exposures(tmp_path, training, holdout, "sick")["held.csv"] == 100

    def test_others_are_left_alone(self, tmp_path: Path, frames):
        """Rows without labels, training rows, other tables, broken files and hidden folders are nothing."""
        training, holdout = frames
        tree = tmp_path / "tree"
        (tree / ".venv").mkdir(parents=True)
        holdout.to_csv(tree / ".venv" / "hidden.csv", index=False)
        holdout.drop(columns="sick").to_csv(tree / "unlabelled.csv", index=False)
        holdout.assign(sick=1 - holdout["sick"]).to_csv(tree / "other_labels.csv", index=False)
        training.to_csv(tree / "training.csv", index=False)
        (tree / "empty.csv").write_bytes(b"")
        (tree / "broken.parquet").write_bytes(b"PAR1 no more")
        (tree / "broken.csv.gz").write_bytes(b"no archive")
        (tree / "latin.csv").write_bytes("größe,sick\n1,2\n".encode("latin-1"))
        assert exposures(tree, training, holdout, "sick") == {}

    def test_row_in_both_parts_tells_nothing(self, tmp_path: Path, frames):
        """A sealed row that is a training row too may lie in data/ as such."""
        training, _ = frames
        training.to_csv(tmp_path / "training.csv", index=False)
        assert "training.csv" not in exposures(tmp_path, training, training.head(20), "sick")

    def test_sealed_rows_at_the_end_of_a_long_file(self, tmp_path: Path, frames, monkeypatch: pytest.MonkeyPatch):
        """A file is read to its end, part by part, when the first parts hold training rows only."""
        training, holdout = frames
        tree = tmp_path / "tree"
        tree.mkdir()
        pd.concat([training, holdout]).to_csv(tree / "long.csv", index=False)
        monkeypatch.setattr("autoresearch.exposure.ROWS", 40)
        assert exposures(tree, training, holdout, "sick") == {"long.csv": 20}


def test_prepare_prints_and_writes_the_profile(heart_root: Path):
    """`prepare.py` says each column and finding and leaves the page, of the bundled table without any warning."""
    done = run_real(heart_root, sys.executable, "prepare.py")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "column: age | int64 | missing 0.0% | distinct 39 | 29 to 77" in lines
    assert "warnings: none" in lines
    assert lines[-1] == "profile: data/profile.html"
    assert (heart_root / "data" / "profile.html").stat().st_size > 10_000


def test_implicit_preparation_makes_no_page(study: Path):
    """What the loop prepares by itself costs no report: only `prepare.py` writes one."""
    assert data.prepare(study, load(study / "study.toml")).rows == 320
    assert not (study / "data" / "profile.html").exists()


def test_findings_of_an_older_manifest_are_none(study: Path):
    """A manifest that was written before there were findings still reads."""
    found = data.prepare(study, load(study / "study.toml"))
    path = study / "data" / "mine.json"
    raw = json.loads(path.read_text())
    assert raw.pop("findings") == list(found.findings) != []
    path.write_text(json.dumps(raw))
    known = prepared.read(study, load(study / "study.toml"))
    assert known is not None
    assert known.findings == ()
