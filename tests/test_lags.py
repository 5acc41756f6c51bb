"""Declared lags: from the past alone, and never a label of the rows that are predicted together."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import lay, ranking, scorer_of, stub

from autoresearch import data
from autoresearch.errors import StudyError
from autoresearch.executors import Answers, Cancel, InProcess, TrialTask
from autoresearch.fold import FoldTask
from autoresearch.lags import lagged
from autoresearch.study import EvaluationSettings, Group, Source, Study, Time
from autoresearch.trial import State

REGRESSION = {"study": {"task": "regression", "positive": None}, "evaluation": {"metric": "rmse"}}


def study_of(lags: dict[str, tuple[int, ...]], group: str | None = None) -> Study:
    """A study with lags."""
    source = Source("small", "small.csv", "label", "regression")
    return Study(source, EvaluationSettings("rmse"), group=Group(group) if group else None, time=Time("day", lags))


def shuffled(days: int, shops: int = 1, seed: int = 0) -> pd.DataFrame:
    """Days of shops in any order; `sales` tells shop and day."""
    rng = np.random.default_rng(seed)
    day, shop = (part.ravel() for part in np.meshgrid(np.arange(days), np.arange(shops)))
    order = rng.permutation(len(day))
    day, shop = day[order], shop[order]
    return pd.DataFrame(
        {"day": day, "shop": shop, "sales": shop * 1000 + day, "rain": rng.random(len(day)) < 0.3, "label": day / 10}
    )


def with_lags(table: pd.DataFrame, study: Study, blocks: Iterable[np.ndarray] = ()) -> pd.DataFrame:
    """The table with its lags."""
    return lagged(table, study, table["day"].to_numpy(), blocks)


@given(st.integers(2, 40), st.integers(1, 4), st.integers(1, 12), st.integers(0, 99))
def test_lag_is_the_value_so_many_rows_earlier(days: int, shops: int, lag: int, seed: int):
    """In each series a row has the value of the row `lag` before it, and a gap where there is none."""
    table = shuffled(days, shops, seed)
    found = with_lags(table, study_of({"sales": (lag,)}, "shop"))
    expected = np.where(table["day"] >= lag, table["sales"] - lag, np.nan)
    assert np.array_equal(found[f"sales_lag_{lag}"], expected, equal_nan=True)
    pd.testing.assert_frame_equal(found[table.columns], table)


@given(st.integers(3, 40), st.integers(1, 12), st.data())
def test_lags_are_causal(days: int, lag: int, draw: st.DataObject):
    """Whatever is changed from some day on, the lags up to that day stay what they were."""
    table = shuffled(days)
    since = draw.draw(st.integers(0, days - 1))
    changed = table.assign(sales=table["sales"].where(table["day"] < since, -1))
    first, second = (with_lags(t, study_of({"sales": (lag,)}))[f"sales_lag_{lag}"] for t in (table, changed))
    early = table["day"] <= since
    assert np.array_equal(first[early], second[early], equal_nan=True)


def test_flags_and_text_have_gaps():
    """A flag becomes a number, text stays text, and both are missing where there is no past."""
    table = shuffled(6).sort_values("day", ignore_index=True).assign(kind=pd.Series(list("abcdef"), dtype="str"))
    found = with_lags(table, study_of({"rain": (1,), "kind": (2,)}))
    assert np.array_equal(found["rain_lag_1"], [np.nan, *table["rain"].iloc[:-1].astype(float)], equal_nan=True)
    assert found["kind_lag_2"].isna().tolist() == [True, True, False, False, False, False]
    assert found["kind_lag_2"].tolist()[2:] == list("abcd")
    assert found["kind_lag_2"].dtype == "str"


@pytest.mark.parametrize(
    ("lags", "group", "said"),
    [
        ({"sale": (1,)}, "shop", "time.lags: the table has no column 'sale'; did you mean 'sales'?"),
        ({"sales": (1,)}, None, "10 rows have the same 'day' as another of their series, so which is earlier is not "
         "known; name the column of the series as group.column"),
    ],
)  # fmt: skip
def test_refusals(lags: dict[str, tuple[int, ...]], group: str | None, said: str):
    """A misspelt column, and rows whose order is not known."""
    with pytest.raises(StudyError) as caught:
        with_lags(shuffled(10, 2), study_of(lags, group))
    assert said in str(caught.value)


def test_taken_name_is_refused():
    """No column of the table is overwritten."""
    table = shuffled(10).assign(sales_lag_2=1)
    with pytest.raises(StudyError, match="the table has a column 'sales_lag_2' already; rename it"):
        with_lags(table, study_of({"sales": (2,)}))


@given(st.integers(20, 60), st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_target_lag_shows_no_label_of_its_block(days: int, shops: int, lag: int, seed: int):
    """A lag of the target is refused exactly where some row of a block would be shown a label of that block."""
    table = shuffled(days, shops, seed)
    table["label"] = np.arange(len(table), dtype=float)
    day = table["day"].to_numpy()
    edges = [days // 4, days // 2, days]
    blocks = [np.flatnonzero((day >= start) & (day < stop)) for start, stop in itertools.pairwise(edges)]
    longest = max(stop - start for start, stop in itertools.pairwise(edges))
    study = study_of({"label": (lag,)}, "shop")
    if lag < longest:
        with pytest.raises(StudyError, match=f"{longest} is the smallest lag allowed"):
            with_lags(table, study, blocks)
        return
    found = with_lags(table, study, blocks)[f"label_lag_{lag}"].to_numpy()
    assert not any(set(found[block]) & set(table["label"].to_numpy()[block]) for block in blocks)


class TestThroughTheStudy:
    def test_short_target_lag_names_the_smallest(self, tmp_path: Path):
        """The longest block is the holdout here: 60 of 300 rows."""
        study = lay(tmp_path, shuffled(300), **REGRESSION, time={"column": "day", "lags": {"label": [7]}})
        with pytest.raises(StudyError) as caught:
            data.prepare(tmp_path, study)
        assert str(caught.value).startswith("study.toml: time.lags: label = 7 is too short for a lag of the target: ")
        assert "60 is the smallest lag allowed" in str(caught.value)
        assert not (tmp_path / "data").exists()

    def test_lags_go_over_the_border(self, tmp_path: Path):
        """The first sealed rows have lags from the last training rows, in each series."""
        changes = REGRESSION | {"time": {"column": "day", "lags": {"sales": [1, 7]}}, "group": {"column": "shop"}}
        study = lay(tmp_path, shuffled(150, 3), **changes)
        found = data.prepare(tmp_path, study)
        kept, sealed = data.training(tmp_path, study, found).X, data.holdout(study, found).X
        assert kept["day"].max() == 119
        for part, lag in ((kept, 1), (kept, 7), (sealed, 1), (sealed, 7)):
            expected = np.where(part["day"] >= lag, part["sales"] - lag, np.nan)
            assert np.array_equal(part[f"sales_lag_{lag}"], expected, equal_nan=True)
        assert "shop" in kept  # a series goes on: what it is called may be learned from

    def test_folds_are_given_no_later_rows(self, tmp_path: Path):
        """What a fold's processes can map are its own rows: a later row's lag of the target would be a label of it."""
        given: list[tuple[set[float], set[float]]] = []

        class Watching(InProcess):
            def run(self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float, cancel: Cancel) -> Answers:
                for task in folds:
                    rows = [*task.rows_train, *task.rows_valid]
                    frame = trial.matrix.frame
                    given.append((set(frame["day"]), set(frame["day"].iloc[rows])))
                    valid = frame.iloc[task.rows_valid]
                    assert not set(frame["label_lag_60"]) & set(valid["day"] / 10)
                    yield from super().run(trial, [task], deadline, cancel)

        changes = REGRESSION | {"time": {"column": "day", "lags": {"label": [60]}}}
        made = scorer_of(tmp_path, lay(tmp_path, shuffled(300), **changes))
        made.executor = Watching()
        found = made.evaluate(stub("X['day'] / 10"), 1)
        assert (found.state, found.error) == (State.COMPLETE, None)
        assert [len(frame) for frame, _ in given] == [80, 120, 160, 200, 240]
        assert all(frame == rows for frame, rows in given)
        assert made.on_holdout(stub("X['day'] / 10"))[1].min() == 24


def test_without_time_all_folds_share_the_features(tmp_path: Path):
    """A study without time shares one piece of memory among all folds, as ever."""
    frames: list[int] = []

    class Watching(InProcess):
        def run(self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float, cancel: Cancel) -> Answers:
            frames.append(len(trial.matrix.frame))
            yield from super().run(trial, folds, deadline, cancel)

    made = scorer_of(tmp_path, lay(tmp_path))
    made.executor = Watching()
    made.evaluate(stub(ranking("X['size']")), 2)
    assert frames == [80]
