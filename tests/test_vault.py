"""The vault: tampering is noticed, an opened seal stays opened, audits are counted wherever they come from."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import REPO, lay, ranking, scorer_of, stub

from autoresearch import content, data
from autoresearch.errors import DataError
from autoresearch.study import load
from autoresearch.vault import Seal
from autoresearch.vault import seal as seal_rows

ROWS = pd.DataFrame({"x": [1, 2], "y": [0, 1]})
OTHERS = pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, 1]})
BY_SIZE = stub(ranking('X["size"]'))


def seal(table: pd.DataFrame) -> Seal:
    """Seal all rows of a table."""
    rows = np.arange(len(table))
    return seal_rows(table, rows, content.digest(table, rows))


def test_gives_back_what_was_sealed():
    """Sealed rows are read back as they were, by whoever knows their digest."""
    pd.testing.assert_frame_equal(Seal(seal(ROWS).digest).read(), ROWS)


def test_sealing_again_changes_nothing():
    """Rows that are sealed already stay as they are, with their record."""
    first = seal(ROWS)
    with first.spend("run"):
        pass
    before = first.path.stat().st_mtime_ns
    again = seal(ROWS)
    assert (again, again.path.stat().st_mtime_ns) == (first, before)
    assert len(again.audits()) == 1


def test_other_rows_have_their_own_seal():
    """A seal is named by its rows."""
    assert seal(ROWS).folder != seal(OTHERS).folder


def test_tampering_is_noticed():
    """Altered rows are refused, and the message says that they prove nothing any more."""
    found = seal(ROWS)
    found.path.chmod(0o600)
    ROWS.assign(y=[1, 1]).to_parquet(found.path, index=False)
    with pytest.raises(DataError, match=r"was altered: it is no proof any more; move it away and run"):
        found.read()


def test_sealing_again_does_not_hide_tampering():
    """Preparing the study anew does not put right rows that somebody altered."""
    seal(ROWS).path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="was altered"):
        seal(ROWS).read()


def test_missing_rows_name_the_remedy():
    """Rows that are gone are refused with the command that seals them anew."""
    found = seal(ROWS)
    found.path.unlink()
    with pytest.raises(DataError, match=r"cannot be read; `uv run prepare\.py` seals it anew"):
        found.read()
    pd.testing.assert_frame_equal(seal(ROWS).read(), ROWS)


def test_row_order_depends_on_the_sealed_rows_alone():
    """The seed of the order in which rows reach a trial is the same everywhere, and another for other rows."""
    assert seal(ROWS).row_seed == Seal(seal(ROWS).digest).row_seed
    assert seal(ROWS).row_seed != seal(OTHERS).row_seed


def test_audits_are_numbered_across_tags():
    """Every audit of the same rows counts, under whatever tag, and the count outlives the process."""
    found = seal(ROWS)
    numbers = []
    for tag in ("one", "two", "one"):
        with Seal(found.digest).spend(tag) as number:
            numbers.append(number)
    assert numbers == [1, 2, 3]
    assert [audit["tag"] for audit in found.audits()] == ["one", "two", "one"]


def test_audit_is_entered_before_it_is_read():
    """An audit that is killed in the middle is spent."""
    found = seal(ROWS)
    with suppress(KeyboardInterrupt), found.spend("run"):
        assert len(found.audits()) == 1
        raise KeyboardInterrupt
    assert len(found.audits()) == 1


def test_audits_at_the_same_moment_get_their_own_numbers():
    """Two terminals cannot spend the same audit."""
    digest = seal(ROWS).digest

    def spend(tag: str) -> int:
        with Seal(digest).spend(tag) as number:
            return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(spend, "abcdefgh")) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_clones_share_one_count(tmp_path: Path):
    """A second clone of a study, under another name, finds the audits that the first one spent."""
    study = load(REPO / "study.toml")
    first = data.prepare(tmp_path / "first", study)
    with first.seal.spend("run"):
        pass
    second = data.prepare(tmp_path / "second", study)
    assert len(second.seal.audits()) == 1


class TestUnsealed:
    def test_mark_is_for_good(self):
        """Rows once opened stay marked, whoever asks."""
        found = seal(ROWS)
        assert not found.unsealed
        found.unseal()
        found.unseal()
        assert found.unsealed
        assert seal(ROWS).unsealed

    def test_show_always_gives_the_score_and_marks(self, tmp_path: Path):
        """A study that shows the holdout gets a test score with each trial, and its rows are marked as seen."""
        root = tmp_path / "study"
        scorer = scorer_of(root, lay(root, holdout={"show": "always"}))
        assert scorer.prepared.seal.unsealed
        found = scorer.evaluate(BY_SIZE, 1)
        assert found.test_score == pytest.approx(scorer.study.metric.function(*scorer.on_holdout(BY_SIZE)), abs=0)

    def test_turning_it_off_does_not_unmark(self, tmp_path: Path):
        """A study that showed its holdout once cannot claim to be sealed again; the score is hidden all the same."""
        root = tmp_path / "study"
        data.prepare(root, lay(root, holdout={"show": "always"}))
        scorer = scorer_of(root, lay(root))
        assert scorer.prepared.seal.unsealed
        assert scorer.evaluate(BY_SIZE, 1).test_score is None

    def test_sealed_study_is_not_marked_by_trials(self, tmp_path: Path):
        """Trials of a sealed study neither read a score from the holdout nor leave a mark."""
        root = tmp_path / "study"
        scorer = scorer_of(root, lay(root))
        assert scorer.evaluate(BY_SIZE, 5).test_score is None
        assert not scorer.prepared.seal.unsealed
        assert scorer.prepared.seal.audits() == []

    def test_failing_on_the_holdout_alone_is_noted(self, tmp_path: Path):
        """A trial that scores its folds and fails on the shown holdout keeps its score, with a note."""
        root = tmp_path / "study"
        scorer = scorer_of(root, lay(root, holdout={"show": "always"}))
        rows = scorer.prepared.rows
        source = stub(ranking('X["size"]'), fit=f"assert len(X) < {rows}, 'too many'")
        found = scorer.evaluate(source, 1)
        assert found.test_score is None
        assert "no holdout score" in found.note
        assert "too many" in found.note
