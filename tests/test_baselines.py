"""Reference models in one table with the incumbent: same rows, same folds, holdout sealed."""

from pathlib import Path

import pytest
from support import call, face, loop_over, table

from autoresearch import baselines, data
from autoresearch.baselines import Row, missing, references, rows
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
    assert names == ["majority", "linear", "LightGBM", "FLAML", "AutoGluon", "incumbent"]
    measured = [row for row in made[1] if not (row.name == "AutoGluon" and missing("autogluon"))]
    assert all(row.score is not None and row.accuracy is not None and row.wall_s > 0 for row in measured), made[1]


def test_scores_are_comparable(made: tuple[Path, list[Row]]):
    """Nothing known is an AUC of a half; the linear reference is the baseline itself, to the last digit."""
    found = {row.name.partition(",")[0]: row for row in made[1]}
    assert found["majority"].score == 0.5
    assert found["linear"].score == found["incumbent"].score
    assert found["linear"].accuracy == found["incumbent"].accuracy
    assert found["majority"].accuracy is not None
    assert found["linear"].accuracy > found["majority"].accuracy > 0.3  # type: ignore[operator]


def test_holdout_stays_sealed_and_flaml_has_its_budget(tmp_path: Path):
    """Nothing of this opens the seal; FLAML has the seconds, a fold its part, and the study's metric."""
    study = load(face(tmp_path / "study") / "study.toml")
    prepared = data.prepare(tmp_path / "study", study)
    assert not prepared.seal.unsealed
    found = [next(one for one in references(study, prepared, s).items() if "FLAML" in one[0]) for s in (1, 26, 500)]
    assert [name for name, _ in found] == ["FLAML, 1 s a fold", "FLAML, 5.2 s a fold", "FLAML, 100 s a fold"]
    assert 'task="classification", metric="roc_auc", time_budget=100.0' in found[-1][1]


@pytest.mark.parametrize(
    ("change", "flaml", "autogluon"),
    [
        ({"metric": "average_precision"}, 'metric="ap"', 'eval_metric="average_precision"'),
        ({"metric": "balanced_accuracy"}, 'metric="auto"', 'eval_metric="balanced_accuracy"'),
    ],
)
def test_references_aim_at_the_metric_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], flaml: str, autogluon: str
):
    """Each library is told the study's metric by its own name for it, where it has one."""
    monkeypatch.setattr(baselines, "missing", lambda _: False)
    study = load(face(tmp_path / "study", evaluation=change) / "study.toml")
    texts = references(study, data.prepare(tmp_path / "study", study), 20.0)
    assert flaml in texts["FLAML, 4 s a fold"]
    assert autogluon in texts["AutoGluon, 4 s a fold"]
    assert "time_limit=4.0" in texts["AutoGluon, 4 s a fold"]


def test_autogluon_is_skipped_aloud_where_it_is_absent(made: tuple[Path, list[Row]]):
    """Without the library its line says that it was skipped, and what would bring it."""
    (found,) = [row for row in made[1] if row.name.startswith("AutoGluon")]
    if missing("autogluon"):
        assert found.score is None
        assert "not installed" in found.error
        assert "uv pip install" in found.error
    else:
        assert found.score is not None


def test_without_a_run_it_says_how_to_begin_one(tmp_path: Path):
    """The table needs an incumbent."""
    said = call(face(tmp_path / "study"), "baselines")
    assert said.code != 0
    assert "autoresearch start" in said.err
