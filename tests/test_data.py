"""Preparing a study: one split before anything is fitted, a sealed holdout, the same bytes each time."""

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split
from support import REPO, lay, settings, table, toml, user_data

from autoresearch import data
from autoresearch.errors import DataError, StudyError
from autoresearch.prepared import Prepared, read
from autoresearch.study import Study, load


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The study's folder."""
    return tmp_path / "study"


def prepared(root: Path, rows: pd.DataFrame | None = None, **changes: dict[str, Any]) -> tuple[Study, Prepared]:
    """Lay a study and prepare it."""
    study = lay(root, rows, **changes)
    return study, data.prepare(root, study)


def refusal(root: Path, rows: pd.DataFrame | None = None, **changes: dict[str, Any]) -> str:
    """The one line with which a study's table is refused; nothing is left in data/ then."""
    with pytest.raises(StudyError) as caught:
        prepared(root, rows, **changes)
    assert "\n" not in str(caught.value)
    assert not (root / "data").exists()
    return str(caught.value)


class TestRefusals:
    def test_missing_target_suggests_a_near_name(self, root: Path):
        """A target that is misspelt is answered with the column that is meant."""
        assert refusal(root, study={"target": "lable"}) == (
            "study.toml: study.target: small.csv has no column 'lable'; did you mean 'label'?"
        )

    def test_unknown_table_names_the_bundled_ones(self, root: Path):
        """A table that is neither a file nor bundled is answered with what is bundled."""
        assert refusal(root, study={"data": "hearts"}) == (
            "study.toml: study.data: 'hearts' is neither a file here nor a bundled table (heart, arrests, "
            "breast_cancer, iris, penguins, wine, abalone, chickweight, diabetes); did you mean 'heart'?"
        )

    def test_missing_labels_are_counted(self, root: Path):
        """Rows without a label are counted, and neither dropped nor guessed."""
        rows = table().astype({"label": float})
        rows.loc[[3, 5], "label"] = np.nan
        assert refusal(root, rows).startswith("study.toml: study.target: 'label' is missing in 2 of 100 rows; ")

    def test_one_class(self, root: Path):
        """A target that never varies cannot be learned."""
        message = refusal(root, table().assign(label=1))
        assert message == "study.toml: study.target: 'label' is 1 in every row; name another column"

    def test_three_classes_are_not_binary(self, root: Path):
        """More than two labels in a binary task are answered with the tasks that fit."""
        message = refusal(root, table(90).assign(label=np.arange(90) % 3))
        assert message == "study.toml: study.task: binary, but 'label' has 3 values; choose multiclass or regression"

    def test_positive_must_be_a_label(self, root: Path):
        """A positive class that is no label is answered with the two there are, as the table writes them."""
        assert refusal(root, study={"positive": "yes"}) == (
            "study.toml: study.positive: 'yes' is no label; choose 0 or 1"
        )

    @pytest.mark.parametrize(("rare", "fraction", "needed"), [(14, 0.2, 15), (39, 0.05, 40), (21, 0.5, 22)])
    def test_rare_class_is_named_with_its_count(self, root: Path, rare: int, fraction: float, needed: int):
        """A class too small for the holdout and two folds is named, with its rows and those that it needs."""
        rows = table(300).assign(label=np.where(np.arange(300) < rare, "rare", "common"))
        message = refusal(root, rows, study={"positive": "rare"}, holdout={"fraction": fraction})
        assert message == (
            f"study.toml: study.target: class 'rare' has {rare} rows; {needed} are needed for a holdout and two "
            "folds: merge it with another class or remove it"
        )

    def test_labels_as_numbers_are_written_as_numbers(self, root: Path):
        """A class is named as study.toml would write it."""
        assert "class 1 has 5 rows" in refusal(root, table().assign(label=[1] * 5 + [0] * 95))

    @pytest.mark.parametrize("values", ["constant", "text", "infinite", "few"])
    def test_regression_needs_varying_finite_numbers(self, root: Path, values: str):
        """A target that is no varying number in enough rows is refused for a regression, with what to do."""
        columns: dict[str, Any] = {
            "constant": 1.5,
            "text": "high",
            "infinite": [np.inf, *range(99)],
            "few": np.arange(100.0),
        }
        rows = table().assign(label=columns[values]).head(8 if values == "few" else 100)
        message = refusal(root, rows, study={"task": "regression"}, evaluation={"metric": "rmse"})
        assert message.startswith("study.toml: study.target: ")
        said = {
            "constant": "is 1.5 in every row; name another column",
            "text": "holds no numbers; set study.task",
            "infinite": "is infinite in 1 of 100 rows; take these out",
            "few": "the table has 8 rows; 15 are needed",
        }
        assert said[values] in message


class TestSplit:
    def test_is_a_stratified_fifth_under_seed_42(self, root: Path):
        """The holdout is what scikit-learn's stratified split under the study's seed draws, a fifth of each class."""
        rows = table(500)
        study, found = prepared(root, rows)
        _, sealed = train_test_split(np.arange(500), test_size=0.2, random_state=42, stratify=rows["label"])
        expected = rows.iloc[np.sort(sealed)].reset_index(drop=True).astype({"kind": "str"})
        pd.testing.assert_frame_equal(found.seal.read(), expected)
        assert (found.rows, found.holdout_rows, found.columns) == (400, 100, 5)
        assert data.holdout(study, found).y.mean() == data.training(root, study, found).y.mean() == 0.4

    def test_training_rows_hold_no_holdout_row(self, root: Path):
        """Each row of the table is in exactly one of the two parts."""
        rows = table(200)
        study, found = prepared(root, rows)
        kept = set(data.training(root, study, found).X["size"])
        sealed = set(data.holdout(study, found).X["size"])
        assert not kept & sealed
        assert kept | sealed == set(rows["size"])

    def test_holdout_lies_outside_the_tree_for_its_owner_alone(self, root: Path):
        """The sealed rows are in the user's data folder with mode 0600, and nowhere under the study."""
        _, found = prepared(root)
        assert found.seal.path.is_relative_to(user_data(root))
        assert not found.seal.path.is_relative_to(root)
        assert stat.S_IMODE(found.seal.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(found.seal.folder.stat().st_mode) == 0o700
        sealed = set(found.seal.read()["size"])
        inside = [path for path in root.rglob("*") if path.is_file() and path.name != "small.csv"]
        assert sorted(path.name for path in inside) == ["small.json", "small.parquet", "study.toml"]
        assert not sealed & set(pd.read_parquet(root / "data" / "small.parquet")["size"])
        assert not any(str(size) in (root / "data" / "small.json").read_text() for size in sealed)

    def test_nothing_is_fitted_before_it(self, root: Path):
        """Training rows stay byte for byte the same whatever the holdout's features hold."""
        rows = table(200)
        study, found = prepared(root, rows)
        before = found.training_path(root).read_bytes()
        sealed = rows["size"].isin(data.holdout(study, found).X["size"])
        rows.loc[sealed, ["size", "dose"]] *= 1e6
        rows.loc[sealed, "kind"] = "never seen"
        _, changed = prepared(root, rows)
        assert changed.training_path(root).read_bytes() == before
        assert (changed.training_digest, changed.balance) == (found.training_digest, found.balance)
        assert changed.holdout_digest != found.holdout_digest
        assert changed.fingerprint != found.fingerprint

    def test_heart_is_the_bundled_default(self, tmp_path: Path):
        """The root's study splits the bundled table into 242 and 61 rows with the classes' shares."""
        study = load(REPO / "study.toml")
        found = data.prepare(tmp_path, study)
        assert (found.rows, found.holdout_rows, found.columns, found.folds, found.repeats) == (242, 61, 14, 5, 5)
        assert found.balance == "0: 72.7%, 1: 27.3%"


class TestAgain:
    def test_gives_the_same_bytes_and_fingerprint(self, root: Path):
        """Preparing twice changes nothing, and keeps nothing aside."""
        study, first = prepared(root)
        before = {path.name: path.read_bytes() for path in (root / "data").iterdir()}
        assert data.prepare(root, study) == first
        assert {path.name: path.read_bytes() for path in (root / "data").iterdir()} == before

    def test_other_bytes_are_kept_aside(self, root: Path):
        """Whatever else lay under the training rows' name is kept under another one, each version of it."""
        study, _ = prepared(root)
        path = root / "data" / "small.parquet"
        for text in ("mine\n", "mine, too\n"):
            path.write_text(text)
            data.prepare(root, study)
        aside = sorted(other.read_text() for other in (root / "data").glob("small-*.parquet"))
        assert aside == ["mine\n", "mine, too\n"]
        assert "size" in pd.read_parquet(path)

    @pytest.mark.parametrize(
        "changes",
        [
            {"study": {"positive": 0}},
            {"evaluation": {"seed": 7}},
            {"evaluation": {"metric": "log_loss"}},
            {"holdout": {"seed": 7}},
            {"holdout": {"fraction": 0.3}},
            {"budget": {"trial_seconds": 60}},
        ],
        ids=str,
    )
    def test_other_settings_are_another_study(self, root: Path, changes: dict[str, dict[str, Any]]):
        """A setting on which scores depend gives another fingerprint, and asks for preparing anew."""
        _, found = prepared(root)
        study = lay(root, **changes)
        assert read(root, study) is None
        assert data.prepare(root, study).fingerprint != found.fingerprint

    @pytest.mark.parametrize(
        "changes",
        [{"study": {"name": "other"}}, {"acceptance": {"rule": "strict"}}, {"holdout": {"show": "always"}}],
        ids=str,
    )
    def test_name_rule_and_show_change_no_score(self, root: Path, changes: dict[str, dict[str, Any]]):
        """Names, the acceptance rule and showing the holdout leave the fingerprint as it is."""
        _, found = prepared(root)
        assert data.prepare(root, lay(root, **changes)).fingerprint == found.fingerprint

    def test_path_changes_no_score(self, root: Path):
        """The same bytes under another path are the same study."""
        _, found = prepared(root)
        (root / "small.csv").rename(root / "moved.csv")
        (root / "study.toml").write_text(toml(settings(study={"data": "moved.csv"})))
        assert data.prepare(root, load(root / "study.toml")).fingerprint == found.fingerprint

    def test_other_rows_are_another_study(self, root: Path):
        """A changed cell of the table gives another fingerprint."""
        rows = table()
        _, found = prepared(root, rows)
        rows.loc[0, "age"] += 1
        assert prepared(root, rows)[1].fingerprint != found.fingerprint


class TestManifest:
    def test_is_read_back(self, root: Path):
        """Commands read what preparing found without touching the table."""
        study, found = prepared(root)
        assert read(root, study) == found

    @pytest.mark.parametrize("name", ["data/small.parquet", "data/small.json", "holdout"])
    def test_absent_part_asks_for_preparing(self, root: Path, name: str):
        """Where the rows, the manifest or the seal is gone, the study counts as not prepared."""
        study, found = prepared(root)
        (found.seal.path if name == "holdout" else root / name).unlink()
        assert read(root, study) is None

    def test_garbled_manifest_asks_for_preparing(self, root: Path):
        """A manifest that cannot be read counts as absent."""
        study, _ = prepared(root)
        (root / "data" / "small.json").write_text('{"name": ')
        assert read(root, study) is None

    def test_altered_training_rows_are_noticed(self, root: Path):
        """Training rows that are not those prepared are refused, with the way back."""
        study, _ = prepared(root)
        path = root / "data" / "small.parquet"
        path.write_bytes(path.read_bytes() + b"0")
        with pytest.raises(DataError, match=r"data/small\.parquet is not what was prepared .* `uv run prepare\.py`"):
            read(root, study)


class TestTables:
    def test_gaps_and_text_stay_as_they_are(self, root: Path):
        """Missing values and text reach the trial as the table has them: filling them in is its own work."""
        rows = table(300)
        study, found = prepared(root, rows)
        kept = data.training(root, study, found).X
        same = rows[rows["size"].isin(kept["size"])].drop(columns="label").reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, same)
        assert kept["dose"].isna().any()
        assert kept["kind"].isna().any()

    def test_positive_class_is_coded_last(self, root: Path):
        """Whichever label is called positive gets the code 1."""
        rows = table().assign(label=lambda t: np.where(t["label"] == 1, "ill", "well"))
        study, found = prepared(root, rows, study={"positive": "ill"})
        assert found.classes == ("well", "ill")
        again = data.prepare(root, lay(root, rows, study={"positive": "well"}))
        assert again.classes == ("ill", "well")
        assert data.training(root, study, found).y.sum() == (rows["label"] == "ill").sum() * 0.8

    def test_multiclass(self, root: Path):
        """Labels of any kind become codes in sorted order, and the balance names them."""
        rows = table(120).assign(
            label=lambda t: t["age"].rank(method="first").astype(int).mod(3).map("xyz".__getitem__)
        )
        study, found = prepared(
            root, rows, study={"task": "multiclass", "positive": None}, evaluation={"metric": "log_loss"}
        )
        assert found.classes == ("x", "y", "z")
        assert found.balance == "x: 33.3%, y: 33.3%, z: 33.3%"
        assert np.bincount(data.training(root, study, found).y).tolist() == [32, 32, 32]

    def test_regression(self, root: Path):
        """Numbers stay numbers, exactly, and are dealt without strata."""
        rows = table(100).assign(label=lambda t: t["size"] / 3)
        study, found = prepared(
            root, rows, study={"task": "regression", "positive": None}, evaluation={"metric": "rmse"}
        )
        assert found.classes == ()
        assert found.balance.startswith("mean ")
        both = np.concatenate([data.training(root, study, found).y, data.holdout(study, found).y])
        assert set(both) == set(rows["label"])

    @pytest.mark.parametrize(
        "column",
        [
            pytest.param([None] + [True, False] * 50, id="a flag with one gap"),
            pytest.param([2**63 + 5, *range(100)], id="one number beyond 64 signed bits"),
            pytest.param([2**70, *range(100)], id="one number beyond 64 bits"),
            pytest.param(["7a", *range(100)], id="one text among numbers"),
            pytest.param([0.5, *range(100)], id="one fraction among whole numbers"),
            pytest.param([np.nan, *range(100)], id="one gap among whole numbers"),
            pytest.param([np.nan] * 101, id="nothing but gaps"),
            pytest.param(["007", *(f"{i:03}" for i in range(99)), "x"], id="codes with leading zeros"),
            pytest.param(['a "b", c\nd', *"ab" * 50], id="text with quotes, commas and line breaks"),
            pytest.param([True, False] * 50 + [True], id="a flag"),
        ],
    )
    @pytest.mark.parametrize("seed", [0, 1])
    def test_both_parts_read_alike(self, root: Path, column: list[Any], seed: int):
        """A column has one type in both parts, wherever the rows fall that decide it."""
        rows = table(101).assign(column=pd.Series(column, dtype=object))
        study, found = prepared(root, rows, holdout={"seed": seed})
        kept, sealed = data.training(root, study, found).X, data.holdout(study, found).X
        assert kept.dtypes.to_dict() == sealed.dtypes.to_dict()
        assert len(kept) + len(sealed) == 101
        assert kept["column"].isna().sum() + sealed["column"].isna().sum() == rows["column"].isna().sum()

    def test_long_column_of_mixed_types_is_text(self, root: Path):
        """A column whose first text comes after hundreds of thousands of numbers is text in every row."""
        column = ["7"] * 300_000 + ["seven"] * 10
        rows = pd.DataFrame({"column": column, "label": np.arange(300_010) % 2})
        study, found = prepared(root, rows)
        kept = data.training(root, study, found).X["column"]
        assert kept.dtype == "str"
        assert set(kept) <= {"7", "seven"}
        assert (found.repeats, found.folds) == (1, 1)

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=60, max_size=60))
    @limits(max_examples=20, deadline=None)
    def test_floats_survive_exactly(self, tmp_path_factory: pytest.TempPathFactory, numbers: list[float]):
        """No digit of a number is lost between the table and the trial."""
        root = tmp_path_factory.mktemp("study")
        study, found = prepared(root, pd.DataFrame({"column": numbers, "label": [0, 1] * 30}))
        parts = [data.training(root, study, found).X, data.holdout(study, found).X]
        assert sorted(pd.concat(parts)["column"]) == sorted(numbers)


def test_prepared_rows_are_plain_parquet(root: Path):
    """What lies in data/ can be looked at with anything that reads Parquet: that is the sanctioned way to explore."""
    study, found = prepared(root)
    rows = pd.read_parquet(found.training_path(root))
    assert list(rows.columns) == ["size", "age", "kind", "dose", study.study.target]
    assert {name: str(dtype) for name, dtype in rows.dtypes.items()} == found.dtypes
