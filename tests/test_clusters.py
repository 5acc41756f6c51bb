"""Intervals for rows that are not independent: against independent computations, and over simulated tables."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from support import (
    LOGISTIC,
    ScriptedScorer,
    always,
    edited,
    face,
    in_process,
    lay,
    loop_over,
    ranking,
    scorer_of,
    stub,
    table,
)

from autoresearch import clusters as module
from autoresearch.audit import audit
from autoresearch.clusters import cluster_compare, cluster_se, clusters
from autoresearch.intervals import compare, row_se
from autoresearch.metrics import METRICS
from autoresearch.structure import Structure

MAE, RMSE, AUC, ACCURACY = (METRICS[name] for name in ("mae", "rmse", "roc_auc", "accuracy"))
ALPHA = 0.05
Responses = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rng() -> np.random.Generator:
    """The same generator each time."""
    return np.random.default_rng(0)


def in_groups(count: int, each: int, draw: np.random.Generator, shared: float = 0.5) -> Responses:
    """Labels, two versions that are equally good, and groups: of each version's error, `shared` is the group's."""
    group = np.repeat(np.arange(count), each)
    y = draw.standard_normal(len(group))
    errors = [
        math.sqrt(shared) * draw.standard_normal(count)[group]
        + math.sqrt(1 - shared) * draw.standard_normal(len(group))
        for _ in range(2)
    ]
    return y, y + errors[0], y + errors[1], group


def in_time(rows: int, draw: np.random.Generator, persistence: float = 0.9) -> Responses:
    """Labels, two versions that are equally good, and blocks: each version's error is an autoregression."""
    noise = draw.standard_normal((rows + 100, 2))
    errors = np.zeros_like(noise)
    for t in range(1, len(noise)):
        errors[t] = persistence * errors[t - 1] + noise[t]
    y = draw.standard_normal(rows)
    found = clusters(Structure(time=np.arange(rows)))
    assert found is not None
    return y, y + errors[100:, 0], y + errors[100:, 1], found


class TestClusters:
    def test_independent_rows_have_none(self):
        """Rows that stand alone are compared as such."""
        assert clusters(Structure()) is None

    def test_groups_are_clusters(self):
        """A group is a cluster, whatever it is called."""
        found = clusters(Structure(group=np.array(["b", "a", "b"], dtype=object)))
        assert found is not None
        assert found[0] == found[2] != found[1]

    @given(st.integers(10, 300), st.integers(1, 300), st.integers(0, 99))
    def test_blocks_follow_each_other(self, rows: int, points: int, seed: int):
        """Blocks are whole times, in order, at most eight."""
        time = np.random.default_rng(seed).integers(points, size=rows)
        found = clusters(Structure(time=time))
        assert found is not None
        frame = pd.DataFrame({"time": time, "block": found})
        assert (frame.groupby("time")["block"].nunique() == 1).all()
        assert frame.sort_values("time")["block"].is_monotonic_increasing
        assert set(found) == set(range(found.max() + 1))
        assert found.max() < 8

    def test_blocks_without_ties_are_eighths(self):
        """Each block has an eighth of the rows."""
        found = clusters(Structure(time=np.random.default_rng(0).permutation(200)))
        assert found is not None
        assert np.bincount(found).tolist() == [25] * 8


class TestInterval:
    def test_is_students_over_cluster_means(self):
        """For a mean over clusters of one size nothing is approximate: it is Student's interval of their means."""
        y, before, after, group = in_groups(12, 15, rng())
        found = cluster_compare(MAE, y, before, after, ALPHA, rng(), group)
        gains = [(abs(before - y) - abs(after - y))[group == code].mean() for code in range(12)]
        half = stats.t.ppf(1 - ALPHA / 2, 11) * np.std(gains, ddof=1) / math.sqrt(12)
        assert (found.delta, found.low, found.high) == pytest.approx(
            (np.mean(gains), np.mean(gains) - half, np.mean(gains) + half), abs=1e-12
        )
        assert found.method == "cluster jackknife over 12 clusters"
        se = cluster_se(MAE, y, before, after, rng(), group)
        assert se == pytest.approx(np.std(gains, ddof=1) / math.sqrt(12))

    def test_without_clusters_rows_are_compared(self):
        """Independent rows keep their interval and their error."""
        y, before, after, _ = in_groups(12, 15, rng())
        assert cluster_compare(MAE, y, before, after, ALPHA, rng(), None) == compare(
            MAE, y, before, after, ALPHA, rng()
        )
        assert cluster_se(MAE, y, before, after, rng(), None) == row_se(MAE, y, before, after, rng())

    @given(st.integers(2, 30), st.integers(0, 99), st.sampled_from([0.0, 0.5]))
    def test_is_never_narrower_than_that_of_rows(self, count: int, seed: int, shared: float):
        """Few clusters that agree by chance prove nothing that rows would not."""
        y, before, after, group = in_groups(count, 6, np.random.default_rng(seed), shared)
        rows = compare(RMSE, y, before, after, ALPHA, rng())
        found = cluster_compare(RMSE, y, before, after, ALPHA, rng(), group)
        assert found.low <= rows.low <= rows.high <= found.high
        assert found.delta == rows.delta

    def test_equal_gains_of_two_clusters_prove_nothing(self):
        """Two groups with the same gain have no variance between them, and that is no proof."""
        y, group = np.zeros(40, dtype=int), np.arange(40) % 2
        before, after = (np.arange(40) < 4).astype(int), np.zeros(40, dtype=int)
        found = cluster_compare(ACCURACY, y, before, after, ALPHA, rng(), group)
        assert found.delta == pytest.approx(0.1)
        assert found.answer == "not distinguishable"

    def test_class_of_one_cluster_proves_nothing(self):
        """Where one group holds all of a class, a ranking without it has no score."""
        group = np.repeat(np.arange(8), 10)
        y, scores = (group == 3).astype(int), rng().standard_normal(80)
        found = cluster_compare(AUC, y, scores, y.astype(float), ALPHA, rng(), group)
        assert (found.low, found.high) == (-1, 1)
        assert math.isnan(cluster_se(AUC, y, scores, y.astype(float), rng(), group))

    def test_many_clusters_are_bunched(self, monkeypatch: pytest.MonkeyPatch):
        """Bunches of clusters give nearly the same error as each cluster alone."""
        y, before, after, group = in_groups(400, 4, rng())
        each = cluster_se(RMSE, y, before, after, rng(), group)
        monkeypatch.setattr(module, "MOST", 100)
        assert cluster_se(RMSE, y, before, after, rng(), group) == pytest.approx(each, rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rows_cover"),
    [("groups", 0.85), ("time", 0.7)],
)
def test_covers_as_it_says(kind: str, rows_cover: float):
    """Over simulated holdouts the 95 % interval holds the truth in about 95 %; that for independent rows does not."""
    draw, held = np.random.default_rng(7), np.zeros(2)
    for _ in range(300):
        y, before, after, group = in_groups(20, 10, draw) if kind == "groups" else in_time(1000, draw)
        for i, found in enumerate((None, group)):
            interval = cluster_compare(RMSE, y, before, after, ALPHA, draw, found)
            held[i] += interval.low <= 0 <= interval.high  # the two are equally good
    assert held[0] / 300 < rows_cover
    assert 0.91 <= held[1] / 300 <= 0.99


class TestWhereItIsUsed:
    def test_audit_leaves_out_whole_groups(self, tmp_path: Path):
        """The audit of a study with groups says how it compared, and is no narrower than one over rows."""
        root, after = tmp_path / "study", edited("C=1.0", "C=0.001", "shrunken")
        rows = table(400, noise=0.3).assign(patient=np.arange(400) % 40)
        face(root, rows, group={"column": "patient"})
        with loop_over(root, always(ScriptedScorer(score=lambda s: 0.9 if s == after else 0.8))) as loop:
            loop.start("run")
            loop.workspace.train.write_text(after)
            outcome = loop.step()
            scorer = in_process(root, outcome.history.run.study, loop.workspace.predictions)
            record = audit(outcome.history, scorer)
        (y, first), (_, second) = (scorer.on_holdout(source) for source in (LOGISTIC, after))
        plain = compare(AUC, y, first, second, record.alpha, rng())
        assert record.method == "cluster jackknife over 8 clusters"
        assert record.low <= plain.low <= record.delta <= plain.high <= record.high

    def test_single_split_leaves_out_whole_groups(self, tmp_path: Path):
        """Where there is one split, its error is that of groups."""
        rows = table(130_000).assign(patient=np.arange(130_000) // 1300)
        made = scorer_of(tmp_path, lay(tmp_path, rows, group={"column": "patient"}))
        before, after = (
            made.evaluate(stub(ranking(f"X['size'] + {noise} * X['age']")), 1).predictions or ""
            for noise in (0.05, 0.01)
        )
        (split,) = made._splits(1)
        y, group = made._training().y[split.valid], made._training().structure.take(split.valid).group
        assert group is not None
        first, second = (made.load(digest)[0][split.valid] for digest in (before, after))
        expected = cluster_se(AUC, y, first, second, rng(), pd.factorize(group)[0])
        assert made.row_se(before, after) == pytest.approx(expected)
        assert (made.prepared.repeats, made.prepared.folds) == (1, 1)
