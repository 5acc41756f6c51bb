"""How rows are kept apart: counted on row numbers, for independent rows, for groups and in time."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import REPO, lay, ranking, scorer_of, stub, table

from autoresearch import data
from autoresearch.cells import LocalCells
from autoresearch.errors import DataError, StudyError
from autoresearch.executors import Executor
from autoresearch.predictions import Predictions
from autoresearch.prepared import Prepared
from autoresearch.scorer import Scorer
from autoresearch.splits import Split, cut, plan, ratio, scheme, splits, verify
from autoresearch.statistics import corrected_se
from autoresearch.structure import Structure
from autoresearch.study import EvaluationSettings, Group, Holdout, Source, Study, Time
from autoresearch.trial import State

SHARED = REPO.parent / "shared" / "data"
INDEPENDENT = Structure()


def study_of(task: str = "regression", fraction: float = 0.2, seed: int = 42) -> Study:
    """A study with a group and a time column, for `cut`."""
    source = Source("small", "small.csv", "label", task)  # type: ignore[arg-type]
    metric = "rmse" if task == "regression" else "roc_auc"
    return Study(source, EvaluationSettings(metric), Holdout(fraction, seed), group=Group("who"), time=Time("day"))


def prepared(root: Path, rows: pd.DataFrame, **changes: dict[str, Any]) -> tuple[Study, Prepared]:
    """Lay a study and prepare it."""
    study = lay(root, rows, **changes)
    return study, data.prepare(root, study)


def refusal(root: Path, rows: pd.DataFrame, **changes: dict[str, Any]) -> str:
    """The one line with which a table is refused; nothing is left in data/ then."""
    with pytest.raises(StudyError) as caught:
        prepared(root, rows, **changes)
    assert "\n" not in str(caught.value)
    assert not (root / "data").exists()
    return str(caught.value)


def patients(count: int = 30, each: int = 6) -> pd.DataFrame:
    """Rows of patients, shuffled; `row` numbers them, `copy` is the patient under another name."""
    rows = table(count * each)
    who = np.random.default_rng(1).permutation(np.repeat(np.arange(count), each))
    return rows.assign(row=np.arange(len(rows)), patient=[f"p{number}" for number in who], copy=who)


def days(count: int = 150, each: int = 1) -> pd.DataFrame:
    """Rows of days, shuffled, so many a day; `row` numbers them in the table's order, `day` in time."""
    rows = table(count * each)
    day = np.random.default_rng(2).permutation(np.repeat(np.arange(count), each))
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    return rows.assign(row=np.arange(len(rows)), day=day, date=date.strftime("%Y-%m-%d"))


class TestScheme:
    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (60, (5, 5)),
            (1_999, (5, 5)),
            (2_000, (2, 5)),
            (9_999, (2, 5)),
            (10_000, (1, 5)),
            (99_999, (1, 5)),
            (100_000, (1, 1)),
        ],
    )
    def test_goes_by_rows(self, rows: int, expected: tuple[int, int]):
        """Repeats fall as rows grow, down to a single split, for classes and for numbers alike."""
        assert scheme(rows, [rows // 2, rows - rows // 2]) == expected
        assert scheme(rows, []) == expected

    @pytest.mark.parametrize(("rarest", "folds"), [(10, 2), (14, 2), (15, 3), (24, 4), (25, 5), (200, 5)])
    def test_rare_class_gets_fewer_folds(self, rarest: int, folds: int):
        """No class falls below five rows a fold."""
        assert scheme(400, [400 - rarest, rarest]) == (5, folds)

    def test_too_rare_class_is_refused(self):
        """A class that cannot fill two folds is refused with its rows and those needed."""
        with pytest.raises(StudyError, match="a class has 9 training rows; 10 are needed for two folds"):
            scheme(400, [391, 9])

    @pytest.mark.parametrize(("groups", "folds"), [(4, 2), (7, 3), (9, 4), (40, 5)])
    def test_few_groups_get_fewer_folds(self, groups: int, folds: int):
        """A fold has two groups on average, at least."""
        group = np.arange(400) % groups
        assert plan(np.zeros(400), [], Structure(group=group), 42) == (5, folds)

    def test_few_times_get_fewer_folds(self):
        """There is a time for each block and for the first past; repeats in time would be the same again."""
        assert plan(np.zeros(400), [], Structure(time=np.arange(400) % 4), 42) == (1, 3)
        assert plan(np.zeros(400), [], Structure(time=np.arange(400)), 42) == (1, 5)

    def test_class_in_few_groups_gets_fewer_folds(self):
        """Each fold has every class on both sides, if that takes fewer folds."""
        group = np.arange(400) % 20
        y = np.isin(group, [3, 8, 13]).astype(int)
        repeats, folds = plan(y, [340, 60], Structure(group=group), 42)
        assert folds == 3
        for split in splits(y, Structure(group=group), stratify=True, repeats=repeats, folds=folds, seed=42):
            assert set(y[split.train]) == set(y[split.valid]) == {0, 1}

    def test_class_in_one_group_is_refused(self):
        """A class that one group holds alone cannot be learned from others."""
        group = np.arange(400) % 20
        with pytest.raises(StudyError, match=r"group\.column: a class lies in too few groups for two folds"):
            plan((group == 3).astype(int), [380, 20], Structure(group=group), 42)


def dealt(rows: int, repeats: int, seed: int = 42) -> list[Split]:
    """The splits of so many independent rows in two classes."""
    return list(splits(np.arange(rows) % 2, INDEPENDENT, stratify=True, repeats=repeats, folds=5, seed=seed))


class TestIndependentRows:
    def test_each_repeat_deals_every_row_once(self):
        """The validation rows of a repeat are all rows, once each, and never among its training rows."""
        found = dealt(80, 5)
        assert [(s.repeat, s.fold) for s in found] == [(r, f) for r in range(5) for f in range(5)]
        for repeat in range(5):
            valid = np.concatenate([s.valid for s in found if s.repeat == repeat])
            assert sorted(valid) == list(range(80))
        assert not any(set(s.train) & set(s.valid) for s in found)

    def test_same_study_same_splits(self):
        """Splits repeat exactly, differ between repeats, and go by the seed."""
        first, again, other = dealt(80, 2), dealt(80, 2), dealt(80, 2, seed=1)
        assert all(np.array_equal(a.valid, b.valid) for a, b in zip(first, again, strict=True))
        assert not all(np.array_equal(a.valid, b.valid) for a, b in zip(first, other, strict=True))
        assert not np.array_equal(first[0].valid, first[5].valid)

    def test_fewer_repeats_are_the_first_ones(self):
        """A trial on fewer repeats shares its folds with one on more."""
        few, many = dealt(80, 1), dealt(80, 3)
        assert all(np.array_equal(a.valid, b.valid) for a, b in zip(few, many[:5], strict=True))

    def test_single_split_is_a_stratified_fifth(self):
        """Beyond a hundred thousand rows there is one split, a fifth of the rows, with the classes' shares."""
        y = np.arange(1000) % 2
        (split,) = splits(y, INDEPENDENT, stratify=True, repeats=1, folds=1, seed=42)
        assert (len(split.train), len(split.valid)) == (800, 200)
        assert y[split.valid].mean() == 0.5
        assert not set(split.train) & set(split.valid)


@st.composite
def grouped(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Groups of three to six rows in any order, two classes in each, and a seed."""
    sizes = draw(st.lists(st.integers(3, 6), min_size=25, max_size=60))
    seed = draw(st.integers(0, 1000))
    order = np.random.default_rng(seed).permutation(sum(sizes))
    y = np.concatenate([np.arange(size) % 2 for size in sizes])
    return np.repeat(np.arange(len(sizes)), sizes)[order], y[order], seed


@st.composite
def timed(draw: st.DrawFn) -> np.ndarray:
    """Times with ties, in any order."""
    size, points = draw(st.integers(100, 200)), draw(st.integers(60, 300))
    return np.random.default_rng(draw(st.integers(0, 1000))).integers(points, size=size)


class TestGroups:
    @given(grouped(), st.sampled_from(["regression", "binary"]), st.sampled_from([0.1, 0.2, 0.3]))
    def test_holdout_shares_no_group(self, found: tuple[np.ndarray, np.ndarray, int], task: str, fraction: float):
        """Every row is on one side, every group is on one side, and the holdout has about its share."""
        group, y, seed = found
        kept, sealed = cut(pd.Series(y), study_of(task, fraction, seed), Structure(group=group))
        assert sorted([*kept, *sealed]) == list(range(len(y)))
        assert not set(group[kept]) & set(group[sealed])
        assert fraction / 2 <= len(sealed) / len(y) <= 2 * fraction

    @given(grouped(), st.booleans(), st.sampled_from([1, 2, 5]))
    def test_folds_share_no_group(self, found: tuple[np.ndarray, np.ndarray, int], stratify: bool, folds: int):
        """In each repeat every row is predicted once, from other groups; repeats differ."""
        group, y, seed = found
        structure = Structure(group=group)
        made = list(splits(y, structure, stratify=stratify, repeats=2, folds=folds, seed=seed))
        verify(structure, made)
        assert not any(set(group[s.train]) & set(group[s.valid]) for s in made)
        assert all(sorted([*s.train, *s.valid]) == list(range(len(y))) for s in made)
        if folds > 1:
            assert all(sorted(np.concatenate([s.valid for s in made if s.repeat == r])) == list(range(len(y)))
                       for r in range(2))  # fmt: skip
        again = list(splits(y, structure, stratify=stratify, repeats=2, folds=folds, seed=seed))
        assert all(np.array_equal(a.valid, b.valid) for a, b in zip(made, again, strict=True))

    def test_prepared_parts_share_no_patient(self, tmp_path: Path):
        """What lies in data/ and what is sealed have no patient in common, and the patient is no feature."""
        study, found = prepared(tmp_path, patients(), group={"column": "patient"})
        kept, sealed = data.training(tmp_path, study, found), data.holdout(study, found)
        assert not set(kept.X["copy"]) & set(sealed.X["copy"])
        assert sorted([*kept.X["row"], *sealed.X["row"]]) == list(range(180))
        assert "patient" not in kept.X
        assert "patient" in pd.read_parquet(found.training_path(tmp_path))

    def test_group_is_another_study(self, tmp_path: Path):
        """What the splits depend on is in the fingerprint's settings."""
        fingerprints = {
            prepared(tmp_path, patients().assign(day=range(180)), **changes)[1].fingerprint
            for changes in ({}, {"group": {"column": "patient"}}, {"time": {"column": "day"}})
        }
        assert len(fingerprints) == 3

    @pytest.mark.parametrize(
        ("rows", "column", "said"),
        [
            (patients(9), "patient", "group.column: 'patient' has 9 groups; 10 are needed for a holdout of 0.2"),
            (patients(), "patent", "group.column: the table has no column 'patent'; did you mean 'patient'?"),
            (patients()[["patient", "label"]], "patient", "which is no feature, the table has no column to predict"),
            (patients().assign(patient=[None, *["a", "b"] * 89, "c"]), "patient", "'patient' is missing in 1 of 180"),
            (
                patients().assign(patient=[*range(20), *[99] * 160]),
                "patient",
                "3 of 21 groups fall for training",
            ),
            (patients().assign(patient=lambda t: t["row"].clip(upper=70)), "patient", "it would be 0.63: some groups"),
            (patients().assign(patient=lambda t: t["label"] * 90 + t["row"] % 20), "label", "is the target"),
        ],
    )
    def test_refusals(self, tmp_path: Path, rows: pd.DataFrame, column: str, said: str):
        """Too few or too unequal groups, gaps and misspelt names are refused in one line."""
        assert said in refusal(tmp_path, rows, group={"column": column})


class TestTime:
    @given(timed(), st.sampled_from([0.1, 0.2, 0.4]))
    def test_holdout_is_the_latest(self, time: np.ndarray, fraction: float):
        """All of the holdout is later than all of the rest: no time is on both sides."""
        kept, sealed = cut(pd.Series(np.zeros(len(time))), study_of(fraction=fraction), Structure(time=time))
        assert sorted([*kept, *sealed]) == list(range(len(time)))
        assert time[kept].max() < time[sealed].min()

    @given(timed())
    def test_folds_follow_each_other(self, time: np.ndarray):
        """Each block is predicted from exactly what was before it; blocks do not overlap and reach to the end."""
        structure = Structure(time=time)
        repeats, folds = plan(np.zeros(len(time)), [], structure, 42)
        made = list(splits(np.zeros(len(time)), structure, stratify=False, repeats=repeats, folds=folds, seed=42))
        verify(structure, made)
        assert (repeats, len(made)) == (1, folds)
        assert all(set(s.train) == set(np.flatnonzero(time < time[s.valid].min())) for s in made)
        assert all(set(after.train) == set(before.train) | set(before.valid) for before, after in pairwise(made))
        assert set(made[-1].train) | set(made[-1].valid) == set(range(len(time)))

    def test_blocks_have_equal_rows(self):
        """Without ties each block, the first past too, has a sixth of the rows; the single split has a fifth."""
        structure = Structure(time=np.random.default_rng(0).permutation(600))
        made = list(splits(np.zeros(600), structure, stratify=False, repeats=1, folds=5, seed=42))
        assert [len(s.train) for s in made] == [100, 200, 300, 400, 500]
        assert [len(s.valid) for s in made] == [100] * 5
        (single,) = splits(np.zeros(600), structure, stratify=False, repeats=1, folds=1, seed=42)
        assert (len(single.train), len(single.valid)) == (480, 120)

    @pytest.mark.parametrize("column", ["date", "day"])
    def test_prepared_parts_are_before_and_after(self, tmp_path: Path, column: str):
        """The sealed rows are the latest thirty days, whether time is a date or a number."""
        study, found = prepared(tmp_path, days(), time={"column": column})
        assert set(data.holdout(study, found).X["day"]) == set(range(120, 150))
        assert set(data.training(tmp_path, study, found).X["day"]) == set(range(120))
        assert column in data.training(tmp_path, study, found).X

    def test_hours_of_other_zones_are_ordered(self, tmp_path: Path):
        """Times with offsets are compared as instants, not as text."""
        rows = days().assign(
            date=lambda t: [
                (pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=int(day)))
                .tz_convert("Asia/Tokyo" if day % 2 else "America/New_York")
                .isoformat()
                for day in t["day"]
            ]
        )
        study, found = prepared(tmp_path, rows, time={"column": "date"})
        assert set(data.holdout(study, found).X["day"]) == set(range(120, 150))

    @pytest.mark.parametrize(
        ("rows", "column", "said"),
        [
            (days(4, 40), "date", "time.column: 'date' has 4 different times, 1 of them in the holdout; 2 are needed"),
            (days(1, 40), "date", "'date' has 1 different times, 0 of them in the holdout"),
            (days(), "dates", "time.column: the table has no column 'dates'; did you mean 'date'?"),
            (days().assign(date="03/04/2024"), "date", "holds '03/04/2024', which is no time; write numbers, or dates"),
            (days().assign(date=[None, *range(149)]), "date", "'date' is missing in 1 of 150 rows"),
            (days().assign(day=[*range(60), *[99] * 60, *range(100, 130)]), "kind", "is missing in"),
            (days().assign(label=lambda t: (t["day"] < 60).astype(int)), "day", "class 1 has 0 of its 60 rows in the"),
        ],
    )
    def test_refusals(self, tmp_path: Path, rows: pd.DataFrame, column: str, said: str):
        """Too few times, gaps, what is no time, and classes that end are refused in one line."""
        assert said in refusal(tmp_path, rows, time={"column": column})


def fold_gains(rows: int, persistence: float, draw: np.random.Generator) -> tuple[list[float], float]:
    """Gain in RMSE, fold by fold, from five features over one, on a series with persistent features and noise."""
    noise = draw.standard_normal((rows + 100, 6))
    series = np.zeros_like(noise)
    for t in range(1, len(noise)):
        series[t] = persistence * series[t - 1] + noise[t]
    X, y = series[100:, :5], series[100:, :2] @ [0.5, 0.1] + series[100:, 5]
    structure, gains = Structure(time=np.arange(rows)), []
    made = list(splits(y, structure, stratify=False, repeats=1, folds=5, seed=0))
    for split in made:
        errors = []
        for width in (1, 5):
            weights = np.linalg.lstsq(X[split.train, :width], y[split.train])[0]
            errors.append(np.sqrt(np.mean((y[split.valid] - X[split.valid, :width] @ weights) ** 2)))
        gains.append(float(errors[0] - errors[1]))
    return gains, ratio(structure, made)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "persistence"), [(300, 0.0), (300, 0.8), (600, 0.9)])
def test_error_over_folds_in_time_is_no_understatement(rows: int, persistence: float):
    """Over simulated series the SE of a gain is 1.4 to 2.2 times its true one: it errs to the side of caution."""
    draw = np.random.default_rng(0)
    found = [fold_gains(rows, persistence, draw) for _ in range(400)]
    true = np.std([np.mean(gains) for gains, _ in found])
    stated = np.sqrt(np.mean([corrected_se(gains, share) ** 2 for gains, share in found]))
    assert 1.4 <= stated / true <= 2.2


class TestVerify:
    @pytest.mark.parametrize(
        ("structure", "broken"),
        [
            (Structure(), "rows"),
            (Structure(group=np.array(["a", "a", "b", "b"], dtype=object)), "groups"),
            (Structure(time=np.array([1, 2, 2, 3])), "times"),
            (Structure(time=np.array([3, 4, 1, 2])), "times"),
        ],
    )
    def test_finds_what_is_shared(self, structure: Structure, broken: str):
        """A row, a group or a time on both sides, and a past that is later, are each found."""
        first, rest = (
            (np.array([0, 1, 2]), np.array([2, 3])) if broken == "rows" else (np.array([0, 1]), np.array([2, 3]))
        )
        if broken == "groups":
            first, rest = np.array([0, 2]), np.array([1, 3])
        with pytest.raises(DataError, match=f"repeat 1, fold 3: {broken} of the training part are in the other"):
            verify(structure, [Split(1, 3, first, rest)])

    def test_runs_at_every_evaluation(self, tmp_path: Path):
        """A table that was changed under a living scorer is noticed before the next score."""
        made = scorer_of(tmp_path, lay(tmp_path, patients(), group={"column": "patient"}))
        source = stub(ranking("X['size']"))
        made.evaluate(source, 1)
        assert made._table
        object.__setattr__(made._table, "structure", Structure(group=np.arange(144) % 5))
        with pytest.raises(DataError, match="groups of the training part"):
            made.evaluate(source, 1)


def check_groups(made: Scorer) -> None:
    """Have a train.py look whether it is asked about a patient that it was trained on."""
    seen = "self.seen = set(X['copy'])"
    answer = ranking("X['row'] + 0 * X['copy'].map(lambda who: 1 / (who not in self.seen))")
    found = made.evaluate(stub(answer, fit=seen), 2)
    assert (found.state, len(found.scores)) == (State.COMPLETE, 2), found.error
    table_rows = made._training().X["row"].to_numpy()
    assert np.array_equal(
        Predictions(made.predictions).load(found.predictions or ""), np.stack([table_rows, table_rows])
    )
    y, answered = made.on_holdout(stub(answer, fit=seen))
    assert len(y) == len(set(answered)) == made.prepared.holdout_rows


def check_time(made: Scorer) -> None:
    """Have a train.py look whether all that it is asked about is later than all that it was trained on."""
    seen = "self.last = X['day'].max()"
    answer = ranking("X['row'] + 0 * X['day'].map(lambda day: 1 / (day > self.last))")
    found = made.evaluate(stub(answer, fit=seen), 1)
    assert (found.state, [len(repeat) for repeat in found.scores]) == (State.COMPLETE, [5]), found.error
    assert found.ratio == 0.2  # twenty days after a past of a hundred
    rows = made._training().X
    (kept,) = Predictions(made.predictions).load(found.predictions or "")
    assert set(rows["day"][np.isnan(kept)]) == set(range(20))
    assert np.array_equal(kept[~np.isnan(kept)], rows["row"][~np.isnan(kept)])
    assert made.repeats_exactly(stub(answer, fit=seen), found.predictions or "")
    _, answered = made.on_holdout(stub(answer, fit=seen))
    assert len(set(answered)) == made.prepared.holdout_rows


class TestThroughTheScorer:
    def test_groups(self, tmp_path: Path):
        """A train.py never meets a patient again, in no fold and not in the holdout."""
        check_groups(scorer_of(tmp_path, lay(tmp_path, patients(), group={"column": "patient"})))

    def test_time(self, tmp_path: Path):
        """A train.py is asked about the future alone; the first block is never predicted, and every reader bears it."""
        check_time(scorer_of(tmp_path, lay(tmp_path, days(), time={"column": "date"})))

    def test_a_shared_patient_would_be_seen(self, tmp_path: Path):
        """The same train.py fails where rows are taken as independent: the check above can fail."""
        made = scorer_of(tmp_path, lay(tmp_path, patients()))
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            check_groups(made)

    @pytest.mark.slow
    def test_in_cells(self, tmp_path: Path):
        """The same through processes as a run has them."""
        cells: Executor = LocalCells(2)
        try:
            for name, rows, section, check in (
                ("groups", patients(), {"group": {"column": "patient"}}, check_groups),
                ("time", days(), {"time": {"column": "date"}}, check_time),
            ):
                made = scorer_of(tmp_path / name, lay(tmp_path / name, rows, **section))
                made.executor = cells
                check(made)
        finally:
            cells.close()


@pytest.mark.skipif(not SHARED.exists(), reason="the real tables are not here")
class TestRealTables:
    def test_schools_stay_together(self, tmp_path: Path):
        """Pupils of a school are on one side of each split."""
        rows = pd.read_csv(SHARED / "exam_schools.csv").rename(columns={"normexam": "label"})
        task = {"study": {"task": "regression", "positive": None}, "evaluation": {"metric": "r2"}}
        study, found = prepared(tmp_path, rows, **task, group={"column": "school"})
        kept, sealed = (
            part.structure.group for part in (data.training(tmp_path, study, found), data.holdout(study, found))
        )
        assert kept is not None
        assert sealed is not None
        assert not set(kept) & set(sealed)
        assert set(kept) | set(sealed) == set(rows["school"])
        assert (found.repeats, found.folds) == (2, 5)

    def test_latest_days_are_sealed(self, tmp_path: Path):
        """The holdout of the ridership is its last fifth, and the lags are those of the whole series."""
        rows = pd.read_csv(SHARED / "chicago_ridership.csv")
        task = {
            "study": {"task": "regression", "positive": None, "target": "ridership"},
            "evaluation": {"metric": "r2"},
        }
        lags = {"Austin": [7], "ridership": [1140]}
        study, found = prepared(tmp_path, rows, **task, time={"column": "date", "lags": lags})
        kept, sealed = data.training(tmp_path, study, found), data.holdout(study, found)
        assert kept.X["date"].max() < sealed.X["date"].min()
        assert len(sealed.y) == 1140
        both = pd.concat([kept.X, sealed.X], ignore_index=True)
        assert np.array_equal(both["Austin_lag_7"], rows["Austin"].shift(7), equal_nan=True)
        assert np.array_equal(sealed.X["ridership_lag_1140"], kept.y[-1140:])
