"""The demo's two lessons: a ratchet claims a gain where there is none, and where a table leaks; the audit does not."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.tree import DecisionTreeClassifier
from support import in_process

from autoresearch import demo, session
from autoresearch.sources import BUNDLED

HEART = BUNDLED["heart"]()


def split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Training and sealed rows, as preparing the lesson's study draws them."""
    kept, sealed = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=42, stratify=labels)
    return kept, sealed


class TestShuffledLabels:
    def test_keeps_everything_but_the_order_of_the_labels(self):
        """The features are the bundled table's, and so are the labels, in another order."""
        table = demo.shuffled_labels().table
        assert table.drop(columns="target").equals(HEART.drop(columns="target"))
        assert table["target"].sum() == HEART["target"].sum()
        assert not table["target"].equals(HEART["target"])

    def test_there_is_nothing_to_learn(self):
        """No feature knows the label."""
        table = demo.shuffled_labels().table
        correlations = table.drop(columns="thal").corr()["target"].drop("target").abs()
        assert correlations.max() < 0.2

    def test_is_the_same_each_time(self):
        """The lesson does not depend on luck."""
        assert demo.shuffled_labels().table.equals(demo.shuffled_labels().table)


class TestPlantedLeak:
    def test_adds_one_column_and_changes_no_other(self):
        """The leak is one column more."""
        table = demo.planted_leak().table
        assert table.drop(columns="case_number").equals(HEART)

    def test_leaks_in_training_rows_and_nowhere_else(self):
        """A tree reads the label off the case number in the training rows; on the sealed ones it is worth nothing."""
        table = demo.planted_leak().table
        kept, sealed = split(table["target"].to_numpy())
        X, y = table[["case_number"]], table["target"]
        tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
        assert cross_val_score(tree, X.iloc[kept], y.iloc[kept], scoring="roc_auc").mean() > 0.98
        tree.fit(X.iloc[kept], y.iloc[kept])
        assert abs(np.mean(tree.predict(X.iloc[sealed]) == y.iloc[sealed]) - 0.5) < 0.2

    def test_a_line_cannot_read_it(self):
        """The baseline, a linear model, does not see the leak: that is what lets the ratchet find it."""
        table = demo.planted_leak().table
        kept, _ = split(table["target"].to_numpy())
        assert abs(table["case_number"].iloc[kept].corr(table["target"].iloc[kept])) < 0.35


class TestPlay:
    @pytest.fixture(scope="class")
    @classmethod
    def lessons(cls) -> list[str]:
        """What the demo says, by lesson; folds run in this process, all else is as in the command."""
        said = list[str]()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "local_scorer", lambda w, study, _: in_process(w.root, study, w.predictions))
            demo.play(said.append)
        first, second = "\n".join(said).split("\n2. ")
        return [first, second]

    @pytest.mark.slow
    def test_shuffled_labels_are_claimed_and_not_proven(self, lessons: list[str]):
        """The ratchet claims a gain where there is none; the sealed rows do not confirm it."""
        claim = re.search(r"The ratchet claims: ([+-]\d\.\d{4}) AUC\.", lessons[0])
        assert claim
        assert float(claim[1]) > 0
        assert re.search(r"The audit answers: (not distinguishable|worse); ", lessons[0])
        assert "Said honestly: validation gain, optimistic: +" in lessons[0]

    @pytest.mark.slow
    def test_leak_stops_at_the_bound_and_is_not_proven(self, lessons: list[str]):
        """The loop stops at a score too good to be true; the sealed rows show what it is worth."""
        assert re.search(r"the run has ended: SUSPICIOUS: trial \d+ scored (0\.99\d\d|1\.0000)", lessons[1])
        assert "look for leakage first" in lessons[1]
        assert re.search(r"The audit answers: (not distinguishable|worse); ", lessons[1])
        assert lessons[1].count("\niter ") <= 13

    @pytest.mark.slow
    def test_each_lesson_has_its_moral(self, lessons: list[str]):
        """Each lesson ends with what it teaches."""
        assert lessons[0].rstrip().endswith(demo.shuffled_labels().moral)
        assert lessons[1].rstrip().endswith(demo.planted_leak().moral)


@pytest.mark.slow
def test_demo_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A short demo, with a trial a lesson, leaves neither folders nor spent audits, and says the same again."""
    monkeypatch.setattr(demo, "TRIALS", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(session, "local_scorer", lambda w, study, _: in_process(w.root, study, w.predictions))
    said: list[list[str]] = [[], []]
    for lines in said:
        demo.play(lines.append)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert said[0] == said[1]
    assert not (tmp_path / "user-data").exists()
