"""The report of a run: files with the record, the claim in its only words, and what to try next."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeScorer, edit, version
from matplotlib.text import Text
from support import Said, always, call, face

from autoresearch import lines, report
from autoresearch.history import History
from autoresearch.workspace import open_workspace

PNG = b"\x89PNG\r\n\x1a\n"


def run(root: Path, outcomes: Sequence[tuple[str, str]]) -> History:
    """A run of trials with these hypotheses and outcomes, as `FakeScorer` reads them."""
    face(root, train=version(0, "scores: 0.8", "baseline"))
    assert call(root, "start", "run", make=always(FakeScorer())).code == 0
    for number, (hypothesis, outcome) in enumerate(outcomes, 1):
        edit(root, number, outcome, hypothesis)
        call(root, "step", make=always(FakeScorer()))
    return record(root)


def record(root: Path) -> History:
    """The record of the run."""
    workspace = open_workspace(root)
    try:
        return workspace.history("run")
    finally:
        workspace.ledger.close()


OUTCOMES = [
    ("more trees", "scores: 0.81 0.82 0.83 0.82 0.81"),
    ("a | b", "scores: 0.7"),
    ("close", "scores: 0.83 0.81 0.84 0.82 0.80"),
    ("broken", "crash: ValueError: no such column"),
    ("slow", "timeout: no answer within 180 s"),
    ("even more trees", "scores: 0.85 0.86 0.87 0.86 0.85"),
]


class TestCommand:
    @pytest.fixture(scope="class")
    @classmethod
    def root(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A run with two kept trials, two discarded ones, a crash and a time-out."""
        root = tmp_path_factory.mktemp("report") / "study"
        run(root, OUTCOMES)
        return root

    @pytest.fixture(scope="class")
    @classmethod
    def said(cls, root: Path) -> Said:
        """What `autoresearch report` says."""
        return call(root, "report")

    @pytest.fixture(scope="class")
    @classmethod
    def text(cls, said: Said) -> str:
        """The report."""
        return Path(said.out.strip()).read_text()

    def test_says_where_it_is(self, said: Said, root: Path):
        """The command prints one line, the report's path; the picture lies beside it."""
        assert said.code == 0
        assert said.lines == [str(root / "runs" / "run" / "report.md")]
        assert (root / "runs" / "run" / "progress.png").read_bytes().startswith(PNG)
        assert "](progress.png)" in (root / "runs" / "run" / "report.md").read_text()

    def test_holds_the_claim_in_its_words(self, text: str, root: Path):
        """The gain is called what `status` calls it: optimistic, with its interval over all trials, sealed."""
        history = record(root)
        assert f"{lines.claim(history)}.\n" in text
        assert "validation gain, optimistic: +0.0580 val_auc; interval over 4 trials" in text
        assert lines.best(history) in text
        assert "only an audit on the sealed rows" in text

    def test_names_the_study(self, text: str, root: Path):
        """The fingerprint, the metric with its direction and the scheme are there."""
        assert f"fingerprint `{record(root).run.fingerprint}`" in text
        assert "roc_auc (maximize), 5 x 5 folds; live." in text

    def test_has_a_row_per_iteration(self, text: str):
        """The table has every iteration with its verdict, failures with their error and no score."""
        rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
        assert [row.split(" | ")[0] for row in rows] == [f"| {n}" for n in range(7)]
        assert [row.split(" | ")[5] for row in rows] == [
            "baseline", "kept", "discarded", "discarded", "crashed", "timed out", "kept"
        ]  # fmt: skip
        assert "| none |  | sealed | crashed | broken: ValueError: no such column |" in rows[4]
        assert "a \\| b" in rows[2]

    def test_shows_the_way_from_the_baseline(self, text: str):
        """The difference between the baseline's file and the incumbent's is in it."""
        diff = text.split("```diff\n")[1].split("```", maxsplit=1)[0]
        assert diff.startswith("--- baseline (trial 0)\n+++ incumbent (trial 6)\n@@ ")
        assert '-HYPOTHESIS = "baseline"' in diff
        assert '+HYPOTHESIS = "even more trees"' in diff

    def test_suggests_what_the_record_suggests(self, text: str):
        """Next ideas are near misses, failures to mend, and the audit."""
        ideas = text.split("## Next ideas\n")[1]
        assert "trial 4 ended without a score (ValueError: no such column)" in ideas
        assert "trial 5 ended without a score" in ideas
        assert "`uv run autoresearch audit`" in ideas

    def test_again_writes_over_it(self, said: Said, root: Path):
        """A second report replaces the first and leaves nothing else behind."""
        call(root, "report")
        assert sorted(path.name for path in (root / "runs" / "run").iterdir()) == ["progress.png", "report.md"]


def test_near_miss_is_an_idea(tmp_path: Path):
    """A gain within the noise is proposed to be combined with what was kept."""
    history = run(tmp_path / "study", [("close", "scores: 0.9 0.75 0.82 0.85 0.70")])
    assert report.ideas(history)[0].startswith("trial 1 gained +0.0040, within the noise of ± ")


def test_what_was_tried_again_is_no_idea(tmp_path: Path):
    """A near miss that a later trial tried again, to no avail, is not proposed once more."""
    history = run(tmp_path / "study", [("close", "scores: 0.9 0.75 0.82 0.85 0.70"), ("close", "scores: 0.7")])
    assert report.ideas(history) == ["the record shows no near miss: look at the training rows in data/ for a new idea"]


def test_bare_run_has_a_report(tmp_path: Path):
    """A run with nothing but its baseline has a report that claims nothing."""
    root = tmp_path / "study"
    run(root, [])
    text = Path(call(root, "report").out.strip()).read_text()
    assert "no gain over the baseline (val_auc=0.8000); the holdout is sealed" in text
    assert "Nothing was kept beyond the baseline." in text
    assert "- the record shows no near miss" in text


def test_warnings_of_the_run_are_in_it(tmp_path: Path):
    """What `start` warned of is repeated in the report."""
    root = face(tmp_path / "study", train=version(0, "scores: 0.8", "baseline"))
    call(root, "start", "run", make=always(FakeScorer(exact=False)))
    text = Path(call(root, "report").out.strip()).read_text()
    assert "**Warning:** the baseline does not repeat to the last digit" in text


@pytest.mark.parametrize("steps", [[], [0.02], [0.0003] * 30, [0.03, *[0.0001] * 12, 0.05]], ids=len)
def test_labels_of_the_picture_do_not_overlap(tmp_path: Path, steps: list[float]):
    """However many trials were kept, and however close, their labels stay apart and inside the picture."""
    scores = 0.8 + np.cumsum(steps)
    text = "the idea, described at such a length as agents do when nobody told them to be brief: "
    history = run(tmp_path / "study", [(f"{text}{score}", f"scores: {score}") for score in scores])
    figure = report.picture(history)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(label) for label in figure.axes[0].texts]  # without its arrow
    assert len(boxes) == min(len(history.kept), report.LABELS)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]
    assert all(figure.bbox.xmin <= box.x0 and box.x1 <= figure.bbox.xmax for box in boxes)
    assert all(figure.bbox.ymin <= box.y0 and box.y1 <= figure.bbox.ymax for box in boxes)
