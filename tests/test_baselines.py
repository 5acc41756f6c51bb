"""Reference models in one table with the incumbent: same rows, same folds, holdout sealed."""

from pathlib import Path

import pytest
from support import call, face, loop_over, table

from autoresearch import data
from autoresearch.baselines import Row, references, rows
from autoresearch.library import baseline
from autoresearch.study import load


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """A study with a run, and its table."""
    train = baseline("binary").source("baseline")
    root = face(tmp_path_factory.mktemp("baselines") / "study", table(200), train=train)
    with loop_over(root) as loop:
        loop.start("run")
        found = list(rows(loop, 1.0))
        assert len(loop.workspace.current().trials) == 1, "nothing enters the record"
        return root, found


def test_each_is_measured_beside_the_incumbent(made: tuple[Path, list[Row]]):
    """Majority, linear, LightGBM and FLAML come with score, accuracy and seconds; the incumbent is last."""
    names = [row.name.partition(",")[0] for row in made[1]]
    assert names == ["majority", "linear", "LightGBM", "FLAML", "incumbent"]
    assert all(row.score is not None and row.accuracy is not None and row.wall_s > 0 for row in made[1]), made[1]


def test_scores_are_comparable(made: tuple[Path, list[Row]]):
    """Nothing known is an AUC of a half; the linear reference is the baseline itself, to the last digit."""
    found = {row.name.partition(",")[0]: row for row in made[1]}
    assert found["majority"].score == 0.5
    assert found["linear"].score == found["incumbent"].score
    assert found["linear"].accuracy == found["incumbent"].accuracy
    assert found["majority"].accuracy is not None
    assert found["linear"].accuracy > found["majority"].accuracy > 0.3  # type: ignore[operator]


def test_holdout_stays_sealed_and_flaml_takes_what_fits(tmp_path: Path):
    """Nothing of this opens the seal; FLAML's box is the longest that all folds together can have."""
    study = load(face(tmp_path / "study") / "study.toml")
    prepared = data.prepare(tmp_path / "study", study)
    assert not prepared.seal.unsealed
    boxes = [next(name for name in references(study, prepared, s) if "FLAML" in name) for s in (1, 26, 500)]
    assert boxes == ["FLAML, 2 s a fold", "FLAML, 5 s a fold", "FLAML, 10 s a fold"]


def test_without_a_run_it_says_how_to_begin_one(tmp_path: Path):
    """The table needs an incumbent."""
    said = call(face(tmp_path / "study"), "baselines")
    assert said.code != 0
    assert "autoresearch start" in said.err
