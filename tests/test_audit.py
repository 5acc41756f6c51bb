"""The audit: once opened, honest about it, and dearer each time."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from support import (
    LOGISTIC,
    Said,
    ScriptedScorer,
    always,
    call,
    edited,
    face,
    in_process,
    loop_over,
    ranking,
    stub,
    table,
)

from autoresearch import lines
from autoresearch.audit import audit
from autoresearch.data import prepare
from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.loop import Loop
from autoresearch.run import AuditRecord
from autoresearch.scorer import Scorer
from autoresearch.study import load

GOOD, POOR = stub(ranking("X['size']")), stub(ranking("X['age']"))
EQUAL = stub(ranking("X['size'] * 2"))


def kept(loop: Loop, source: str) -> History:
    """The record after `source` was kept over what the run had."""
    loop.workspace.train.write_text(source)
    outcome = loop.step()
    assert outcome.trial
    assert outcome.trial.label == "KEPT"
    return outcome.history


def opened(root: Path, before: str, after: str, tag: str = "run") -> tuple[AuditRecord, History, Scorer]:
    """Begin a run with one source, keep another by a scripted score, and open the seal for real."""
    face(root, table(400, noise=0.3), train=before)
    with loop_over(root, always(ScriptedScorer(score=lambda s: 0.9 if s == after else 0.8))) as loop:
        loop.start(tag)
        history = kept(loop, after)
        scorer = in_process(root, history.run.study, loop.workspace.predictions)
        record = audit(history, scorer)
        loop.workspace.ledger.add_audit(record)
        return record, loop.workspace.history(tag), scorer


class TestAnswer:
    @pytest.mark.parametrize(
        ("before", "after", "answer"),
        [(POOR, GOOD, "proven"), (GOOD, POOR, "worse"), (GOOD, EQUAL, "not distinguishable")],
    )
    def test_each_can_be_reached(self, tmp_path: Path, before: str, after: str, answer: str):
        """A real gain is proven, a loss is worse, and what is the same on the holdout cannot be told apart."""
        record, history, _ = opened(tmp_path / "study", before, after)
        assert record.answer == answer
        assert record.low <= record.delta <= record.high
        assert f"audit 1: {answer}, {record.delta:+.4f} on the holdout, 97.5% interval " in lines.claim(history)

    def test_scores_equal_plain_scikit_learn(self, tmp_path: Path):
        """Both versions are fitted on all training rows and scored on the sealed ones, as anybody would."""
        after = edited("C=1.0", "C=0.001", "shrunken")
        record, _, scorer = opened(tmp_path / "study", LOGISTIC, after)
        train = pd.read_parquet(scorer.prepared.training_path(scorer.root))
        sealed = pd.read_parquet(scorer.prepared.seal.path)
        columns = ["size", "age", "dose"]
        for strength, score in ((1.0, record.before), (0.001, record.after)):
            model = make_pipeline(SimpleImputer(), LogisticRegression(C=strength)).fit(train[columns], train["label"])
            expected = roc_auc_score(sealed["label"], model.predict_proba(sealed[columns])[:, 1])
            assert score == pytest.approx(expected, abs=1e-3)
        assert record.delta == pytest.approx(record.after - record.before)
        assert (record.baseline, record.incumbent) == (0, 1)

    def test_unsealed_study_is_said_so(self, tmp_path: Path):
        """Where the search had seen the rows, the record and the claim say it."""
        root = tmp_path / "study"
        face(root, train=POOR, holdout={"show": "always"})
        with loop_over(root) as loop:
            loop.start("run")
            history = kept(loop, GOOD)
            record = audit(history, in_process(root, history.run.study, loop.workspace.predictions))
            loop.workspace.ledger.add_audit(record)
            history = loop.workspace.history("run")
        assert record.unsealed
        assert lines.claim(history).endswith("(unsealed study: the search had seen these rows)")

    def test_audit_of_an_earlier_version_is_said_so(self, tmp_path: Path):
        """What was proven of one trial is not claimed for a later one."""
        root = face(tmp_path / "study", table(400, noise=0.3), train=POOR)
        with loop_over(
            root, always(ScriptedScorer(score=lambda s: 0.9 if s == GOOD else 0.95 if s == EQUAL else 0.8))
        ) as loop:
            loop.start("run")
            history = kept(loop, GOOD)
            loop.workspace.ledger.add_audit(
                audit(history, in_process(root, history.run.study, loop.workspace.predictions))
            )
            claim = lines.claim(kept(loop, EQUAL))
        assert "validation gain, optimistic: +0.1500" in claim
        assert "; audit 1 was of trial 1, not of this gain: proven, " in claim


class TestCount:
    def test_each_audit_halves_the_level(self, tmp_path: Path):
        """The j-th audit of the same rows spends .05/2^j and has a wider interval."""
        first, history, scorer = opened(tmp_path / "study", POOR, GOOD)
        records = [first, audit(history, scorer), audit(history, scorer)]
        assert [record.number for record in records] == [1, 2, 3]
        assert [record.alpha for record in records] == [0.025, 0.0125, 0.00625]
        widths = [record.high - record.low for record in records]
        assert widths == sorted(widths)
        assert len(set(widths)) == 3

    def test_clones_and_tags_share_it(self, tmp_path: Path):
        """A second clone, under another tag, goes on counting where the first one stopped."""
        first, _, _ = opened(tmp_path / "one", POOR, GOOD)
        second, _, _ = opened(tmp_path / "two", POOR, GOOD, tag="another")
        assert (first.number, second.number) == (1, 2)
        assert (second.low, second.high) != (first.low, first.high)

    def test_nothing_kept_spends_nothing(self, tmp_path: Path):
        """Without a gain there is nothing to open the seal for."""
        root = face(tmp_path / "study")
        with loop_over(root) as loop:
            history = loop.start("run").history
            scorer = in_process(root, history.run.study, loop.workspace.predictions)
            with pytest.raises(AutoresearchError, match="nothing was kept beyond the baseline"):
                audit(history, scorer)
        assert scorer.prepared.seal.audits() == []

    def test_failure_there_spends_nothing(self, tmp_path: Path):
        """A version that gives no prediction for the sealed rows is named by its error, and no audit is spent."""
        rows = 320
        fails = stub(ranking("X['size']"), fit=f"assert len(X) < {rows}, 'too many rows'")
        with pytest.raises(AutoresearchError) as caught:
            opened(tmp_path / "study", POOR, fails)
        assert str(caught.value).startswith("no audit was spent: refitted on all training rows, train.py:")
        assert "too many rows" in str(caught.value)
        assert prepare(tmp_path / "study", load(tmp_path / "study" / "study.toml")).seal.audits() == []

    def test_other_rows_are_not_this_runs(self, tmp_path: Path):
        """After the table changed, the run's seal is another one: it is refused, and nothing is spent."""
        root = tmp_path / "study"
        _, history, scorer = opened(root, POOR, GOOD)
        table(400, seed=1, noise=0.3).to_csv(root / "small.csv", index=False)
        other = prepare(root, scorer.study)
        assert other.fingerprint != history.run.fingerprint
        with pytest.raises(AutoresearchError, match=f"fingerprint {history.run.fingerprint}"):
            audit(history, in_process(root, scorer.study, scorer.predictions))
        assert other.seal.audits() == []


class TestCommand:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A live run with a kept trial, a discarded one and a crash."""
        root = face(tmp_path / "study", table(400, noise=0.3), train=POOR)
        assert call(root, "start", "run").code == 0
        for source, code in ((GOOD, 0), (stub(ranking("-X['size']")), 0), (stub("None"), 3)):
            (root / "train.py").write_text(source)
            assert call(root, "step").code == code
        return root

    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], Said]:
        """Run the audit at a terminal, and type a line."""

        def at_terminal(root: Path, typed: str) -> Said:
            ours, theirs = os.openpty()
            with os.fdopen(ours, "w") as keyboard, os.fdopen(theirs) as screen:
                keyboard.write(f"{typed}\n")
                keyboard.flush()
                monkeypatch.setattr("sys.stdin", screen)
                return call(root, "audit")

        return at_terminal

    @staticmethod
    def scores(root: Path) -> list[str]:
        """The test column of results.tsv."""
        return [row.split("\t")[2] for row in (root / "results.tsv").read_text().splitlines()[1:]]

    def test_refuses_without_a_terminal(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        """A person decides on the audit: without a terminal it is refused, and nothing is opened."""
        with Path(os.devnull).open() as nothing:
            monkeypatch.setattr("sys.stdin", nothing)
            said = call(root, "audit")
        assert said.code == 1
        assert said.err == (
            "error: the audit opens the sealed holdout and a person decides that: run it yourself in a terminal\n"
        )
        assert self.scores(root) == ["sealed"] * 4

    def test_refuses_another_tag(self, root: Path, terminal: Callable[[Path, str], Said]):
        """Whatever else than the tag is typed leaves the seal as it is."""
        said = terminal(root, "yes")
        assert said.code == 1
        assert said.err.endswith("error: that is not the tag: the holdout stays sealed\n")
        assert self.scores(root) == ["sealed"] * 4
        assert "the holdout is sealed" in call(root, "status").out

    def test_answers_and_is_recorded(self, root: Path, terminal: Callable[[Path, str], Said]):
        """With the tag typed it says what it costs, answers, and from then on the record shows the number."""
        said = terminal(root, "run")
        assert said.code == 0, said.err
        assert "This is audit 1 of these sealed rows, at level 0.025." in said.out
        assert re.search(r"baseline: test_auc=0\.\d{4}; incumbent: test_auc=0\.9\d{3}; .+\n", said.out)
        assert "audit: proven" in said.lines
        shown = self.scores(root)
        assert [re.fullmatch(r"0\.\d{6}", shown[n]) is not None for n in (0, 1)] == [True, True]
        assert shown[2:] == ["sealed", "sealed"]
        assert "; audit 1: proven, +0." in call(root, "status").out
        assert "at level 0.0125" in terminal(root, "run").out

    def test_needs_a_gain(self, tmp_path: Path, terminal: Callable[[Path, str], Said]):
        """Before anything was kept it is refused without asking."""
        root = face(tmp_path / "study")
        call(root, "start", "run")
        said = terminal(root, "run")
        assert (said.code, said.out) == (1, "")
        assert said.err == "error: nothing was kept beyond the baseline: there is no gain to audit\n"
