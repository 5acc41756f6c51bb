"""Sources: one table, however it is stored; what cannot be read is refused in one line."""

import codecs
import gzip
import http.server
import os
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from support import lay, scorer_of, table

from autoresearch import content, data, tablefile
from autoresearch.columns import MISSING, meant, typed
from autoresearch.errors import StudyError
from autoresearch.library import baseline
from autoresearch.sources import BUNDLED, load, read

TYPES = {
    "whole": pd.array([1, 2, -3] * 20, dtype="int64"),
    "small": pd.array([1, 2, 3] * 20, dtype="int8"),
    "gaps": pd.array([1, None, 3] * 20, dtype="Int64"),
    "fraction": np.array([0.1, 1 / 3, -1e300] * 20),
    "flag": [True, False, True] * 20,
    "flag with gaps": pd.array([True, None, False] * 20, dtype="boolean"),
    "text": ["a", "b, c", 'd "e"'] * 20,
    "text with gaps": ["a", None, "é"] * 20,
    "category": pd.Categorical(["x", "y", None] * 20),
    "date": pd.to_datetime(["2020-01-31", "1999-12-01", None] * 20),
    "moment": pd.to_datetime(["2020-01-31 12:00:01.5", "1999-12-01 00:00:00.0"] * 30),
    "zone": pd.to_datetime(["2020-01-31 12:00", "1999-12-01 00:00"] * 30).tz_localize("Europe/Paris"),
    "nothing": [None] * 60,
    "label": [0, 1] * 30,
}


def written(path: Path, rows: pd.DataFrame) -> Path:
    """Write a table as its file's name says."""
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    else:
        rows.to_csv(path, index=False)
    return path


def refusal(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(StudyError) as caught:
        load(path.parent, path.name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestSameTable:
    def test_csv_and_parquet_have_one_content(self, tmp_path: Path):
        """Every kind of column reads alike from CSV, packed CSV and Parquet: one type, one digest."""
        rows = pd.DataFrame(TYPES)
        paths = [written(tmp_path / name, rows) for name in ("a.csv", "a.csv.gz", "a.parquet")]
        tables = [load(tmp_path, path.name).table for path in paths]
        for found in tables[1:]:
            pd.testing.assert_frame_equal(found, tables[0])
        assert len({content.digest(found) for found in tables}) == 1
        assert {name: str(dtype) for name, dtype in tables[0].dtypes.items()} == {
            "whole": "int64", "small": "int64", "gaps": "float64", "fraction": "float64", "flag": "bool",
            "flag with gaps": "str", "text": "str", "text with gaps": "str", "category": "str",
            "date": "datetime64[us]", "moment": "datetime64[us]", "zone": "datetime64[us]", "nothing": "float64",
            "label": "int64",
        }  # fmt: skip

    def test_fingerprint_and_score_are_the_same(self, tmp_path: Path):
        """A study over a CSV and over the same data in Parquet is one study, and its baseline scores the same."""
        rows, source = table(120), baseline("binary").source("baseline")
        found = []
        for name in ("t.csv", "t.parquet"):
            root = tmp_path / name
            study = lay(root, study={"data": name})
            written(root / name, rows)
            scorer = scorer_of(root, study)
            found.append((scorer.prepared.fingerprint, scorer.evaluate(source, 1).scores))
        assert found[0] == found[1]

    def test_same_name_other_content_is_another_study(self, tmp_path: Path):
        """A file that was written anew is read anew, and is another study."""
        study = lay(tmp_path, table(100))
        first = data.prepare(tmp_path, study)
        table(100, seed=1).to_csv(tmp_path / "small.csv", index=False)
        assert data.prepare(tmp_path, study).fingerprint != first.fingerprint

    @given(
        st.lists(st.floats(allow_infinity=False), min_size=2, max_size=20),
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=5), min_size=2, max_size=20),
    )
    @limits(max_examples=60, deadline=None)
    def test_numbers_and_texts_read_alike(
        self, tmp_path_factory: pytest.TempPathFactory, numbers: list[float], texts: list[str]
    ):
        """Whatever numbers and texts a table holds, both formats give back the same ones."""
        folder, n = tmp_path_factory.mktemp("tables"), min(len(numbers), len(texts))
        # texts that are no numbers in CSV are none in Parquet either
        rows = pd.DataFrame({"number": numbers[:n], "text": [f"_{text}" for text in texts[:n]]})
        csv, parquet = (load(folder, written(folder / name, rows).name).table for name in ("t.csv", "t.parquet"))
        pd.testing.assert_frame_equal(csv, parquet, check_exact=True)
        assert csv["text"].tolist() == rows["text"].tolist()

    def test_row_order_types_and_names_count(self):
        """Another order, type or name is another content; an equal copy is not."""
        rows = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
        others = [rows.iloc[::-1], rows.astype({"a": "float64"}), rows.rename(columns={"b": "c"}), rows[["b", "a"]]]
        assert len({content.digest(other) for other in [rows, *others]}) == 5
        assert content.digest(rows.copy()) == content.digest(rows)
        assert content.digest(rows, np.array([1])) == content.digest(rows.iloc[[1]].reset_index(drop=True))


class TestText:
    @pytest.mark.parametrize(("mark", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
    def test_delimiter_is_found_out(self, tmp_path: Path, mark: str, word: str):
        """The delimiter is told from the lines, also where another one is in the texts."""
        rows = pd.DataFrame({"size": range(20), "note": ["a, b; c"] * 20, "dose": [0.5] * 20})
        rows.to_csv(tmp_path / "t.csv", index=False, sep=mark)
        found = load(tmp_path, "t.csv")
        pd.testing.assert_frame_equal(found.table, typed(rows))
        assert found.described == f"CSV, {word}-separated, utf-8"

    @pytest.mark.parametrize(
        ("encoding", "words"),
        [
            *(
                (name, ["Größe", "déjà vu", "mañana", "übermäßig"])
                for name in ("utf-8", "utf-8-sig", "utf-16", "cp1252")
            ),
            ("cp932", ["東京都", "大阪府", "京都市", "横浜市"]),
            ("gb18030", ["北京", "上海", "广州", "深圳"]),
        ],
    )
    def test_encoding_is_found_out(self, tmp_path: Path, encoding: str, words: list[str]):
        """Letters come out right from the encodings that tables are written in."""
        rows = pd.DataFrame({"size": range(80), "word": words * 20})
        rows.to_csv(tmp_path / "t.csv", index=False, encoding=encoding)
        found = load(tmp_path, "t.csv")
        assert found.table["word"].tolist() == words * 20
        assert found.described.startswith("CSV, comma-separated, ")

    def test_letters_after_the_first_part_count(self, tmp_path: Path):
        """One byte that is no UTF-8, far down in the file, decides how all of it is read."""
        lines = ["size,word", *["1,plain"] * 200_000, *["2,déjà vu à la carte, même"[:17]] * 50]
        (tmp_path / "t.csv").write_bytes("\n".join(lines).encode("cp1252"))
        assert set(load(tmp_path, "t.csv").table["word"]) == {"plain", "déjà vu à la ca"}

    def test_decimal_comma(self, tmp_path: Path):
        """Between semicolons a comma may stand for the decimal point."""
        rows = pd.DataFrame({"size": [1.5, -2.25] * 10, "n": range(20)})
        rows.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",")
        found = load(tmp_path, "t.csv")
        pd.testing.assert_frame_equal(found.table, rows)
        assert found.described.endswith("decimal comma")

    def test_mark_at_the_start_is_no_part_of_a_name(self, tmp_path: Path):
        """The byte order mark that spreadsheets write is not read."""
        (tmp_path / "t.csv").write_bytes(codecs.BOM_UTF8 + b"size,n\n1,2\n3,4\n")
        assert list(load(tmp_path, "t.csv").table) == ["size", "n"]

    def test_packed_is_seen_by_content(self, tmp_path: Path):
        """A packed file is read as one whatever its name."""
        (tmp_path / "t.csv").write_bytes(gzip.compress(b"size,n\n1,2\n3,4\n"))
        assert load(tmp_path, "t.csv").table.shape == (2, 2)

    def test_column_of_mixed_types_is_text_as_written(self, tmp_path: Path):
        """A code with leading zeros keeps them once a letter is found, however late."""
        codes = [f"{i:07}" for i in range(60_000)] + ["x1"]
        pd.DataFrame({"code": codes, "n": range(60_001)}).to_csv(tmp_path / "t.csv", index=False)
        assert load(tmp_path, "t.csv").table["code"].tolist() == codes

    @pytest.mark.parametrize("gap", MISSING)
    def test_missing_values_have_many_spellings(self, tmp_path: Path, gap: str):
        """Each of them is a gap among numbers and among texts, in CSV and in Parquet."""
        rows = pd.DataFrame({"word": ["a", gap, "c"], "n": [1, 2, 3]})
        written(tmp_path / "t.parquet", rows)
        (tmp_path / "t.csv").write_text(f"word,n,dose\na,1,0.5\n{gap},2,{gap}\nc,3,1\n")
        assert load(tmp_path, "t.parquet").table["word"].isna().tolist() == [False, True, False]
        assert load(tmp_path, "t.csv").table.isna().sum().to_dict() == {"word": 1, "n": 0, "dose": 1}
        assert load(tmp_path, "t.csv").table["dose"].dtype == "float64"


class TestParquet:
    def test_named_index_is_a_column_and_an_unnamed_one_is_not(self, tmp_path: Path):
        """What pandas keeps as an index is a column where it has a name, and row numbers where not."""
        rows = pd.DataFrame({"size": [1.5, 2.5]}, index=pd.Index([7, 9], name="id"))
        rows.to_parquet(tmp_path / "named.parquet")
        rows.rename_axis(None).to_parquet(tmp_path / "unnamed.parquet")
        assert sorted(load(tmp_path, "named.parquet").table) == ["id", "size"]
        assert list(load(tmp_path, "unnamed.parquet").table) == ["size"]

    def test_decimals_dates_and_lists(self, tmp_path: Path):
        """Decimals are numbers, dates are dates, and what is no cell of a table is text."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {
            "price": pa.array([1, 2], pa.decimal128(9, 2)),
            "day": pa.array([0, 1], pa.date32()),
            "tags": pa.array([["a"], ["b", "c"]]),
            "raw": pa.array([b"x", b"y"]),
        }
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        found = load(tmp_path, "t.parquet").table
        assert [str(dtype) for dtype in found.dtypes] == ["float64", "datetime64[us]", "str", "str"]
        assert found["raw"].tolist() == ["x", "y"]


class TestPlaces:
    @pytest.mark.parametrize("name", BUNDLED)
    def test_every_bundled_table_is_there_without_network(self, name: str, monkeypatch: pytest.MonkeyPatch):
        """Bundled tables come from the installed libraries, their target last, and can be studied."""
        monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
        found = load(Path(), name).table
        assert len(found) > 100
        assert found.iloc[:, -1].nunique() > 1
        assert not found.iloc[:, -1].isna().any()

    def test_openml_by_name_and_version(self, monkeypatch: pytest.MonkeyPatch):
        """A table of OpenML is asked for by name and version, and its own target is put last."""
        asked: list[Any] = []

        def fetch(name: str, **settings: Any) -> Any:
            asked.append((name, settings["version"]))
            frame = pd.DataFrame({"class": pd.Categorical(["a", "b"] * 5), "x": range(10)})
            details = {"name": name, "version": "2"}
            return sklearn.utils.Bunch(frame=frame, target_names=["class"], details=details)

        monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
        found = load(Path(), "openml:credit-g@2")
        load(Path(), "openml:credit-g")
        assert asked == [("credit-g", 2), ("credit-g", "active")]
        assert [str(dtype) for dtype in found.table[["x", "class"]].dtypes] == ["int64", "str"]
        assert list(found.table) == ["x", "class"]
        assert found.described == "OpenML credit-g, version 2"

    def test_openml_without_network_names_the_bundled_tables(self, monkeypatch: pytest.MonkeyPatch):
        """Where nobody answers, that is said, and what needs no network."""

        def fetch(*_: Any, **__: Any) -> Any:
            raise urllib.error.URLError("Name or service not known")

        monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
        with pytest.raises(StudyError, match=r"'openml:x' cannot be fetched: no answer .* heart, arrests"):
            load(Path(), "openml:x")

    def test_openml_that_has_no_such_table(self, monkeypatch: pytest.MonkeyPatch):
        """What OpenML says of a name that it does not know is passed on."""

        def fetch(*_: Any, **__: Any) -> Any:
            raise ValueError("No active dataset nosuch found.")

        monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
        with pytest.raises(StudyError, match="cannot be had from OpenML: No active dataset nosuch found"):
            load(Path(), "openml:nosuch")
        with pytest.raises(StudyError, match="names no version; write openml:x@1"):
            load(Path(), "openml:x@latest")

    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[str]:
        """A web server on this machine over `tmp_path`."""

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(tmp_path))

            def log_message(self, *_: Any) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    def test_address(self, tmp_path: Path, site: str):
        """A table at an address is read like the same file."""
        for name in ("t.csv", "t.parquet"):
            written(tmp_path / name, table(50))
            pd.testing.assert_frame_equal(load(Path(), f"{site}/{name}").table, load(tmp_path, name).table)
        with pytest.raises(StudyError, match=r"cannot be fetched: .*download it and name the file"):
            load(Path(), f"{site}/no.csv")
        with pytest.raises(StudyError, match="is no address that can be read"):
            load(Path(), "gopher://example.org/t.csv")

    def test_misspelt_file_is_answered_with_the_one_beside_it(self, tmp_path: Path):
        """A name close to a file's, or to a bundled table's, is taken for a slip."""
        written(tmp_path / "patients.csv", table(50))
        assert refusal(tmp_path / "pateints.csv").endswith("; did you mean 'patients.csv'?")
        assert refusal(tmp_path / "hart").endswith("; did you mean 'heart'?")


class TestRefusals:
    def test_no_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """A file that may not be read is named with the system's reason."""
        path = written(tmp_path / "t.csv", table(50))
        opened = Path.open

        def refuse(self: Path, *arguments: Any, **more: Any) -> Any:
            if self == path:
                raise PermissionError(13, "Permission denied", str(path))
            return opened(self, *arguments, **more)

        monkeypatch.setattr(Path, "open", refuse)
        assert refusal(path) == "'t.csv' cannot be read: Permission denied"

    @pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
    def test_file_that_shrinks_while_it_is_read(self, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
        """A file that somebody writes to meanwhile is no table yet, whatever the reading gave."""
        path = written(tmp_path / name, table(500))
        size = path.stat().st_size

        def shrink(*_: Any) -> None:
            os.truncate(path, size // 2)

        monkeypatch.setattr(tablefile, "_distinct", shrink)
        assert refusal(path) == (
            f"'{name}' changed while it was read ({size} bytes, then {size // 2}); "
            "wait until it is written, then try again"
        )

    def test_names_that_differ_in_type_alone(self):
        """A number and its text are one name."""
        with pytest.raises(StudyError, match="two columns are named '1'; rename one of them"):
            typed(pd.DataFrame([[1, 2]], columns=[1, "1"]))

    def test_near_names(self):
        """A misspelt column is answered with the one that is meant, capitals or not; another with those there are."""
        said = [meant(name, ["Age", "churned", "zip"]) for name in ("age", "chrned", "quux")]
        assert said == ["did you mean 'Age'?", "did you mean 'churned'?", "choose one of Age, churned, zip"]
        assert meant("quux", range(10_000)).endswith(" 18, 19 and 9980 more")

    def test_rows_without_a_label_are_left_out_when_told(self, tmp_path: Path):
        """They are counted in the refusal; left out when told; what was whole numbers before the gaps is so again."""
        rows = table(100).astype({"label": float})
        rows.loc[[3, 5], "label"] = np.nan
        study = lay(tmp_path, rows)
        with pytest.raises(StudyError, match=r"'label' is missing in 2 of 100 rows; .*: --drop-missing-target"):
            read(tmp_path, study)
        found = read(tmp_path, lay(tmp_path, rows, study={"drop_missing_target": True})).table
        assert (len(found), str(found["label"].dtype)) == (98, "int64")

    def test_dropped_columns(self, tmp_path: Path):
        """Columns that the study drops are not there; a misspelt one, or the target, is refused."""
        study = lay(tmp_path, study={"drop": ["age", "kind"]})
        assert list(read(tmp_path, study).table) == ["size", "dose", "label"]
        with pytest.raises(StudyError, match=r"study\.drop: small\.csv has no column 'agee'; did you mean 'age'\?"):
            read(tmp_path, lay(tmp_path, study={"drop": ["agee"]}))
        with pytest.raises(StudyError, match=r"study\.drop: 'label' is the target"):
            read(tmp_path, lay(tmp_path, study={"drop": ["label"]}))
