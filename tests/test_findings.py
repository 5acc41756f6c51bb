"""What is said of a table before the first trial, and what is not said of an honest one."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import noisy

from autoresearch.findings import LEAKAGE, ROWS, Finding, Kind, by_gravity, exposed, findings, overlap

SHARED = Path(__file__).parents[2] / "shared" / "data"
TABLES = {each["name"]: each for each in json.loads((SHARED / "datasets.json").read_text())} if SHARED.exists() else {}
real = pytest.mark.skipif(not TABLES, reason="the real tables are not beside this repository")
each_table = pytest.mark.parametrize("name", TABLES or ["none"])


def of_kind(found: list[Finding], *kinds: Kind) -> set[str]:
    """Columns of the findings of `kinds`."""
    return {column for finding in found if finding.kind in kinds for column in finding.columns}


def kinds(found: list[Finding]) -> set[Kind]:
    return {finding.kind for finding in found}


def table(name: str) -> tuple[pd.DataFrame, str, str]:
    """A real table, its target and its task."""
    entry = TABLES[name]
    return pd.read_csv(SHARED / entry["file"]), entry["target"], entry["task"]


def small(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table about which nothing is to be said: two columns that help a little, a category, a yes or no as target."""
    rng = np.random.default_rng(seed)
    size, dose = rng.normal(size=rows), rng.exponential(size=rows)
    sick = (size + dose + rng.normal(scale=2, size=rows) > 1).astype(int)
    return pd.DataFrame({"size": size, "dose": dose, "kind": rng.choice(list("abc"), rows), "sick": sick})


class TestRealTables:
    """The nine tables of the manifest."""

    @real
    @each_table
    def test_honest_columns_are_not_accused(self, name: str):
        """No column of a real table is called a leak, however strong it is."""
        frame, target, task = table(name)
        assert of_kind(findings(frame, target, task), *LEAKAGE) == set()

    @real
    @each_table
    @pytest.mark.parametrize("seed", [0, 1])
    def test_noisy_copy_is_found(self, name: str, seed: int):
        """A column that is the target in nineteen rows of twenty is the only one accused."""
        frame, target, task = table(name)
        frame.insert(1, "later", noisy(frame[target], task, np.random.default_rng(seed)))
        assert of_kind(findings(frame, target, task), *LEAKAGE) == {"later"}

    @real
    @each_table
    def test_recode_is_found(self, name: str):
        """A column that has another word for each label is a copy."""
        frame, target, task = table(name)
        frame["word"] = frame[target].rank(method="dense", ascending=False) * 3 + 7
        if task != "regression":
            frame["word"] = frame["word"].map("code {:.0f}".format)
        assert of_kind(findings(frame, target, task), Kind.COPY) == {"word"}

    @real
    @each_table
    def test_numbering_by_target_is_found(self, name: str):
        """An id that was given in the order of the target is a leak, and said to be an id."""
        frame, target, task = table(name)
        rng = np.random.default_rng(0)
        frame["case"] = frame[target].rank(method="first").sample(frac=1, random_state=rng).sort_index().astype(int)
        found = [finding for finding in findings(frame, target, task) if finding.kind in LEAKAGE]
        assert [finding.columns for finding in found] == [("case",)]
        assert found[0].kind is Kind.COPY or "numbers the rows" in found[0].text

    @real
    @each_table
    def test_sorted_rows_are_found(self, name: str):
        """Rows in the order of the target are said to be so, wherever they stand in the frame that is given."""
        frame, target, task = table(name)
        frame = frame.sort_values(target, ignore_index=True).sample(frac=1, random_state=0)
        found = findings(frame, target, task, positions=frame.index.to_numpy())
        assert Kind.ROW_ORDER in kinds(found)
        assert not kinds(found) & LEAKAGE

    @real
    def test_declared_structure_is_looked_for_and_found(self):
        """Pupils have a school and days a date; declared ones are not mentioned again."""
        for name, kind, column in (
            ("exam_schools", Kind.GROUP, "school"),
            ("chicago_ridership", Kind.TIME, "date"),
        ):
            frame, target, task = table(name)
            assert of_kind(findings(frame, target, task), kind) == {column}
            declared = {"group": column} if kind is Kind.GROUP else {"time": column}
            assert column not in of_kind(findings(frame, target, task, **declared), *Kind)

    @real
    @each_table
    def test_groups_and_times_are_not_imagined(self, name: str):
        """No other table has a column that is taken for a group or a time."""
        entry = TABLES[name]
        known = {entry.get("group_column"), entry.get("time_column")} - {None}
        frame, target, task = table(name)
        assert of_kind(findings(frame, target, task), Kind.GROUP, Kind.TIME) == known


class TestLeakage:
    """Columns that give the target away, in tables made for it."""

    def test_nothing_is_said_of_an_honest_table(self):
        """An ordinary small table has no finding at all."""
        assert findings(small(), "sick", "binary") == []

    @pytest.mark.parametrize("copy", [lambda y: -2.5 * y + 7, np.exp, lambda y: -(y**3)])
    def test_monotone_copy(self, copy):
        """A target in other units, or on another scale, is a copy."""
        frame = small()
        frame["score"] = frame.pop("sick") + np.random.default_rng(1).normal(size=len(frame))
        frame["other"] = copy(frame["score"])
        assert of_kind(findings(frame, "score", "regression"), *LEAKAGE) == {"other"}
        assert of_kind(findings(frame, "score", "regression"), Kind.COPY) == {"other"}

    def test_unrelated_unique_column_is_no_copy(self):
        """Two columns of different numbers fit one to one and tell nothing of each other."""
        frame = small()
        frame["score"] = np.random.default_rng(1).normal(size=len(frame))
        assert not kinds(findings(frame, "score", "regression")) & LEAKAGE

    def test_bracket_of_a_number(self):
        """A bracket that the target's size falls into is a function of it."""
        frame = small()
        frame["score"] = np.random.default_rng(1).normal(size=len(frame))
        frame["bracket"] = np.where(frame["score"] > 1.2, "high", "usual")
        found = findings(frame, "score", "regression")
        assert of_kind(found, Kind.FUNCTION) == {"bracket"}
        assert "--drop bracket" in str(found[0])

    def test_coarser_class(self):
        """A column that is the same for all rows of a class, for every class, is a function of it."""
        frame = small()
        frame["sick"] = np.random.default_rng(1).choice(["no", "cold", "flu", "cough"], len(frame))
        frame["treated"] = frame["sick"] == "flu"
        assert of_kind(findings(frame, "sick", "multiclass"), *LEAKAGE) == {"treated"}

    def test_gap_that_tells(self):
        """A column that is filled in only after the target is known gives it away by its gaps."""
        frame = small()
        frame["discharged"] = np.where(frame["sick"] == 1, np.random.default_rng(1).normal(size=len(frame)), np.nan)
        assert of_kind(findings(frame, "sick", "binary"), *LEAKAGE) == {"discharged"}

    def test_identifiers_with_letters(self):
        """Numbers in names are read as numbers: case9 comes before case10."""
        frame = small()
        rank = frame["sick"].rank(method="first").astype(int)
        frame["case"] = "case" + rank.astype(str)
        found = findings(frame, "sick", "binary")
        assert of_kind(found, *LEAKAGE) == {"case"}
        assert "numbers the rows" in found[0].text

    def test_strong_column_within_noise_is_not_accused(self):
        """A column that is right in nine rows of ten is strong and no leak."""
        for seed in range(5):
            frame = small(seed=seed)
            frame["sign"] = noisy(frame["sick"], "binary", np.random.default_rng(seed), wrong=0.1)
            assert not kinds(findings(frame, "sick", "binary")) & LEAKAGE

    def test_strong_columns_that_agree_are_not_accused(self):
        """Several columns that each explain most of the target are how the matter is, not a leak."""
        frame = small()
        rng = np.random.default_rng(1)
        frame["score"] = rng.normal(size=len(frame))
        for name in ("first", "second"):
            frame[name] = frame["score"] + rng.normal(0, 0.35, len(frame))
        assert not kinds(findings(frame, "score", "regression")) & LEAKAGE

    def test_rare_class_in_a_long_table(self):
        """Of a long table rows are drawn, all of a rare class among them, and the finding says how many were seen."""
        frame = small(3 * ROWS)
        frame["sick"] = (np.arange(len(frame)) % 1000 == 0).astype(int)
        frame["later"] = frame["sick"] + np.random.default_rng(1).normal(0, 0.1, len(frame))
        found = [finding for finding in findings(frame, "sick", "binary") if finding.kind in LEAKAGE]
        assert [finding.columns for finding in found] == [("later",)]
        assert f"of {len(frame)} rows" in found[0].text

    def test_wide_table(self):
        """Each of many columns is looked at, the last one too."""
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(rng.normal(size=(200, 2000))).rename(columns="c{}".format)
        frame["y"] = rng.integers(0, 2, len(frame))
        frame["later"] = frame["y"] + rng.normal(0, 0.1, len(frame))
        assert of_kind(findings(frame, "y", "binary"), *LEAKAGE) == {"later"}


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False), wrong=st.floats(0, 0.2))
def test_order_of_rows_and_columns_changes_nothing(seed: int, order, wrong: float):
    """The same columns are accused of the same, however rows and columns are shuffled."""
    rng = np.random.default_rng(seed)
    frame = small(200, seed)
    frame["later"] = noisy(frame["sick"], "binary", rng, wrong)
    frame["gaps"] = np.where(rng.random(len(frame)) < 0.9, np.nan, 1.0)
    frame["case"] = np.arange(len(frame)) + 100
    rows, columns = list(range(len(frame))), list(frame.columns)
    order.shuffle(rows)
    order.shuffle(columns)
    shuffled = frame.iloc[rows][columns]
    first = findings(frame, "sick", "binary", positions=np.arange(len(frame)))
    second = findings(shuffled, "sick", "binary", positions=np.array(rows))
    assert sorted(map(str, first)) == sorted(map(str, second))


class TestOtherKinds:
    """Each kind, by a table that has it."""

    def test_constant(self):
        """One value, or none, is a constant."""
        found = findings(small().assign(unit="mg", empty=np.nan), "sick", "binary")
        assert kinds(found) == {Kind.CONSTANT}
        assert of_kind(found, Kind.CONSTANT) == {"unit", "empty"}
        assert "--drop unit --drop empty" in found[0].remedy

    def test_a_rare_value_is_no_constant(self):
        """In a long table the one row that differs counts, although it may not be among those looked at."""
        frame = small(2 * ROWS).assign(flag=0)
        for row in range(0, len(frame), ROWS // 2):
            frame["flag"] = (np.arange(len(frame)) == row).astype(int)
            assert Kind.CONSTANT not in kinds(findings(frame, "sick", "binary"))

    def test_identifier(self):
        """A numbering and a name for each row are identifiers; measurements that happen to differ are not."""
        frame = small()
        rng = np.random.default_rng(2)
        frame["number"] = rng.permutation(len(frame)) + 5000
        frame["code"] = [f"{a:08x}" for a in rng.choice(2**32, len(frame), replace=False)]
        found = findings(frame, "sick", "binary")
        assert of_kind(found, Kind.IDENTIFIER) == {"number", "code"}
        assert kinds(found) == {Kind.IDENTIFIER}

    def test_texts(self):
        """Sentences are text, not identifiers."""
        words = np.random.default_rng(0).choice(["pain", "fever", "rest", "cough", "none", "walks", "sleeps"], (400, 9))
        found = findings(small().assign(note=[" ".join(line) for line in words]), "sick", "binary")
        assert of_kind(found, Kind.TEXT) == {"note"}

    def test_mostly_missing(self):
        """A column with values in one row of ten."""
        frame = small()
        frame["rare"] = frame["size"].where(np.random.default_rng(3).random(len(frame)) < 0.1)
        assert of_kind(findings(frame, "sick", "binary"), Kind.MOSTLY_MISSING) == {"rare"}

    def test_infinite(self):
        """One infinity is enough."""
        frame = small()
        frame.loc[7, "dose"] = -np.inf
        assert of_kind(findings(frame, "sick", "binary"), Kind.INFINITE) == {"dose"}

    def test_missing_target(self):
        """Rows without a label are counted and left out of everything else."""
        frame = small().astype({"sick": "float"})
        frame.loc[:6, "sick"] = np.nan
        found = findings(frame, "sick", "binary")
        assert kinds(found) == {Kind.MISSING_TARGET}
        assert "7 of 400 rows" in found[0].text

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("seen_on", pd.date_range("2020-01-01", periods=400).astype(str)),
            ("when", pd.date_range("2020-01-01", periods=400, freq="h")),
            ("year", np.repeat(np.arange(1980, 2020), 10)),
            ("taken", np.repeat(np.arange(1980, 2020), 10)),
            ("timestamp", 1_600_000_000 + 7 * np.arange(400)),
        ],
    )
    def test_time(self, name: str, values):
        """Dates, years, and numbers called a time that grow along the file."""
        found = findings(small().assign(**{name: values}), "sick", "binary")
        assert of_kind(found, Kind.TIME) == {name}
        assert f"--time {name}" in str(found[0])
        assert "the file is in its order" in found[0].text

    def test_dates_in_disorder(self):
        """Dates are named without the claim that the file is in their order."""
        days = pd.Series(pd.date_range("2020-01-01", periods=400)).sample(frac=1, random_state=0).astype(str)
        (finding,) = findings(small().assign(born=days.to_numpy()), "sick", "binary")
        assert finding.kind is Kind.TIME
        assert "order" not in finding.text

    @pytest.mark.parametrize("shared", ["id", "column", "target"])
    def test_group(self, shared: str):
        """What several rows belong to is known by its name, a column that it decides, or the target they share."""
        rng = np.random.default_rng(4)
        frame = small()
        name = "patient_id" if shared == "id" else "bed"
        frame[name] = rng.permutation(np.repeat(np.arange(50), 8))
        if shared == "column":
            frame["ward"] = frame[name].map(dict(enumerate(rng.integers(0, 4, 50))))
        if shared == "target":
            frame["sick"] = frame[name].map(dict(enumerate(rng.integers(0, 2, 50)))) ^ (rng.random(400) < 0.1)
        found = findings(frame, "sick", "binary")
        assert of_kind(found, Kind.GROUP) == {name}
        assert f"--group {name}" in str(found[0])
        assert Kind.GROUP not in kinds(findings(frame, "sick", "binary", group=name))

    def test_smooth_number_is_no_group(self):
        """Whole numbers that the target follows smoothly are measurements."""
        rng = np.random.default_rng(5)
        frame = small()
        frame["age"] = rng.integers(20, 70, len(frame))
        frame["cost"] = frame["age"] ** 2 + rng.normal(0, 300, len(frame))
        assert Kind.GROUP not in kinds(findings(frame, "cost", "regression"))

    def test_duplicates(self):
        """Repeated rows are counted."""
        frame = small()
        frame = pd.concat([frame, frame.head(12)], ignore_index=True)
        (finding,) = findings(frame, "sick", "binary")
        assert finding.kind is Kind.DUPLICATES
        assert finding.text.startswith("12 of 412 training rows")

    def test_overlap(self):
        """Sealed rows that are training rows too are counted, with and without their label."""
        frame, sealed = small(), small(100, seed=1)
        copied = frame.head(9).copy()
        copied.loc[:3, "sick"] = 1 - copied.loc[:3, "sick"]
        (finding,) = overlap(frame, pd.concat([sealed, copied]), "sick")
        assert finding.kind is Kind.OVERLAP
        assert "9 of 109 sealed rows" in finding.text
        assert "5 of them its 'sick' too" in finding.text
        assert overlap(frame, sealed, "sick") == []

    def test_gravest_first(self):
        """A leak stands above a constant, and names with blanks are quoted for the shell."""
        frame = small().assign(**{"unit of it": "mg"})
        frame["word"] = frame["sick"].map({0: "well", 1: "ill"})
        found = findings(frame, "sick", "binary")
        assert [finding.kind for finding in found] == [Kind.COPY, Kind.CONSTANT]
        assert "--drop 'unit of it'" in found[1].remedy
        assert by_gravity([*found, exposed("my.csv", 3, 9)])[1].kind is Kind.EXPOSED
        assert all("\n" not in str(finding) for finding in found)
