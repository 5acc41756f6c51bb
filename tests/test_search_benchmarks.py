"""The benchmarks of the search stay alive: their test over tables is right, and tables follow from records."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _benchmarks_on_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")


def test_signed_rank_by_hand():
    """One difference d > 2r: the better share is 1 - w², with w ~ Beta(1/2, 1) the prior's; P(w² < 1/2) = 2^(-1/4)."""
    from signed_rank import signed_rank, verdict

    found = signed_rank([0.5], 0.01, np.random.default_rng(0))
    assert found.better == pytest.approx(2**-0.25, abs=0.01)
    assert found.worse == 0
    assert verdict(found) == "not distinguishable"


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.05] * 8 + [-0.002], "better"),
        ([-0.05] * 8 + [0.002], "worse"),
        ([0.004, -0.005] * 4, "not distinguishable"),
        ([0.05, -0.05] * 4, "not distinguishable"),
    ],
)
def test_signed_rank_claims_what_most_tables_say(differences: list[float], expected: str):
    """Eight of nine beyond the region are a claim, in either direction; within it, or on both sides, is none."""
    from signed_rank import signed_rank, verdict

    found = signed_rank(differences, 0.01, np.random.default_rng(1))
    assert sum(found) == pytest.approx(1)
    assert verdict(found) == expected
    if expected == "not distinguishable" and max(map(abs, differences)) < 0.01:
        assert found.same > 0.95


def test_a_table_of_results_follows_from_the_record(capsys: pytest.CaptureFixture[str]):
    """Gains are paired by split and signed by the metric; a split that one side lacks is left out."""
    from against_flaml import show

    common = {"table": "t", "metric": "rmse", "rows": 80, "tested": 20, "wall_s": 10.0}
    ours = {"who": "search", "baseline": 3.0, "highest": 1.4, "states": {"complete": 4, "interrupted": 1}}
    lines = [
        common | ours | {"split": 0, "score": 1.0}, common | {"who": "flaml", "split": 0, "score": 1.5},
        common | ours | {"split": 1, "score": 2.0}, common | {"who": "flaml", "split": 1, "score": 2.1},
        common | ours | {"split": 2, "score": 9.0},
    ]  # fmt: skip
    show(lines)
    said = capsys.readouterr().out
    assert "t | 2 | 3.0000 | 1.8000 | 1.5000 | +0.3000 ± 0.2449 | +10.0% | 1.4000 | 3 | 10.0 | 10.0" in said
    assert "not distinguishable" in said


def test_replay_stops_what_cannot_pass_and_keeps_the_rest(capsys: pytest.CaptureFixture[str]):
    """A loser that is the same in every repeat saves all but one of five; the winner after it is found either way."""
    from futility import replayed, show

    rng = np.random.default_rng(0)
    base = 0.8 + 0.01 * rng.normal(size=(5, 5))
    poor, good = base - 0.1, base + 0.05 + 0.001 * rng.normal(size=(5, 5))
    trials = [{"scores": scores.tolist(), "cpu_s": 5.0} for scores in (base, poor, good)]
    line = {"table": "t", "metric": "roc_auc", "rule": "one_se", "ratio": 0.25, "trials": trials}
    spent, final, stopped, lost = replayed(json.loads(json.dumps(line)), stopping=True)
    assert (spent, stopped, lost) == (5.0 + 1.0 + 5.0, 1, 0)
    assert final == pytest.approx(good.mean())
    show([line])
    assert "t | 5 | 2 | 1 | 0 | 27% |" in capsys.readouterr().out
