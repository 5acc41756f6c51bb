"""The search without an agent: real trials of compositions, coordinated, never repeated, with an end."""

import hashlib
import itertools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fakes import git
from support import LOGISTIC, Listed, Said, ScriptedScorer, always, apart, call, face, fresh_clone, loop_over, table

from autoresearch.errors import AutoresearchError
from autoresearch.history import History
from autoresearch.library import Composition, baseline, compositions
from autoresearch.loop import Outcome
from autoresearch.search import Search
from autoresearch.source import fingerprints
from autoresearch.trial import State, Verdict


def by_text(source: str) -> float:
    """A score between .80 and .90 that any change of the code changes."""
    return 0.8 + int(fingerprints(source).code[:8], 16) / 2**32 / 10


def search(root: Path, *options: str, score: Callable[[str], float | None] = by_text) -> Said:
    """Run `autoresearch search` over scripted scores."""
    said = call(root, "search", *options, make=always(ScriptedScorer(score=score)))
    assert said.code == 0, said.err
    return said


def searched(
    root: Path,
    trials: int,
    seed: int = 0,
    score: Callable[[str], float | None] = by_text,
    minutes: float | None = None,
    **search: Any,
) -> tuple[History, list[Outcome]]:
    """Search in the run that is live, or begin one; gives its record and the outcomes that were heard."""
    heard: list[Outcome] = []
    with loop_over(root, always(ScriptedScorer(score=score))) as loop:
        if loop.workspace.tag is None:
            loop.start("run")
        history = Search(loop, seed, heard.append, **search).run(trials, minutes)
    return history, heard


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A fresh clone over a small study, whose train.py is the library's baseline."""
    return face(tmp_path / "study", train=baseline("binary").source("baseline: scaled logistic regression"))


class TestFreshClone:
    @pytest.fixture(scope="class")
    @classmethod
    def clone(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A fresh clone of the product."""
        return fresh_clone(tmp_path_factory.mktemp("clone") / "study")

    @pytest.fixture(scope="class")
    @classmethod
    def said(cls, clone: Path) -> Said:
        """What `autoresearch search` says there."""
        return search(clone)

    def test_makes_twelve_trials(self, said: Said):
        """One command makes the baseline and twelve trials, a line each."""
        lines = [line for line in said.lines if line.startswith("iter ")]
        assert [int(line.split()[1]) for line in lines] == list(range(13))
        assert lines[0].split("|")[2].split()[0] == "BASELINE"

    def test_leaves_a_branch(self, said: Said, clone: Path):
        """The search is a run of its own, on its own branch, with a ref for every trial."""
        branch = git(clone, "branch", "--show-current")
        assert re.fullmatch(r"autoresearch/search-\d{8}-\d{6}", branch)
        refs = git(clone, "for-each-ref", "--format=%(refname)", "refs/autoresearch").splitlines()
        assert len(refs) == 13
        assert git(clone, "status", "--porcelain") == ""

    def test_leaves_the_record(self, said: Said, clone: Path):
        """results.tsv has a row per iteration, discards included."""
        rows = [line.split("\t") for line in (clone / "results.tsv").read_text().splitlines()]
        assert rows[0] == ["commit", "val_auc", "test_auc", "wall_time_s", "status", "description"]
        assert len(rows) == 14
        assert {row[4] for row in rows[1:]} == {"keep", "discard"}
        assert {row[2] for row in rows[1:]} == {"sealed"}

    def test_leaves_a_report(self, said: Said, clone: Path):
        """The report lies where the last line says."""
        path = clone / said.lines[-1].split("report: ")[1]
        assert path.name == "report.md"
        assert path.is_file()
        assert (path.parent / "progress.png").is_file()

    def test_prints_a_summary(self, said: Said, clone: Path):
        """The last lines name the baseline, the best, the gain in honest words, and where all of it is."""
        baseline_line, best, gain, where = said.lines[-4:]
        assert re.fullmatch(r"baseline: val_auc=0\.\d{4} — baseline: scaled logistic regression", baseline_line)
        assert re.fullmatch(r"best so far: val_auc=0\.\d{4} @ [0-9a-f]{7} — .+", best)
        assert gain.startswith("gain: validation gain, optimistic: +0.")
        assert gain.endswith("; the holdout is sealed")
        assert where.startswith(f"branch: {git(clone, 'branch', '--show-current')}; record: results.tsv; report: ")


def test_train_py_ends_as_the_incumbents(root: Path):
    """After a search train.py holds the best version found, committed."""
    history, _ = searched(root, 8)
    assert (root / "train.py").read_text() == history.incumbent.source
    assert git(root, "show", "HEAD:./train.py") + "\n" == history.incumbent.source


def test_same_seed_same_sequence(tmp_path: Path):
    """Two searches under one seed try the same compositions in the same order, another seed others."""
    train = baseline("binary").source("baseline")
    tried = []
    for number, seed in enumerate((3, 3, 4)):
        history, _ = searched(face(tmp_path / str(number) / "study", train=train), 6, seed)
        tried.append([trial.hypothesis for trial in history.trials])
    assert tried[0] == tried[1]
    assert tried[0] != tried[2]


def test_never_repeats_a_composition(root: Path):
    """Every trial is another one, in one search and in the next one of the same run."""
    searched(root, 6)
    history, heard = searched(root, 6)
    assert len(heard) == 6
    assert len({trial.code for trial in history.trials}) == len(history.trials) == 13


def test_continues_in_a_live_run(root: Path):
    """On a live run's branch the command goes on with that run instead of beginning one."""
    searched(root, 2)
    said = search(root, "--trials", "3")
    assert [line.split()[1] for line in said.lines if line.startswith("iter ")] == ["3", "4", "5"]
    assert git(root, "branch", "--show-current") == "autoresearch/run"


def test_begins_another_run_after_the_end_of_one(root: Path):
    """Where the branch's run has ended, a new one begins from its incumbent."""
    searched(root, 2)
    call(root, "stop")
    search(root, "--trials", "1")
    assert git(root, "branch", "--show-current").startswith("autoresearch/search-")


def test_changes_one_slot_of_the_incumbent(root: Path):
    """A trial's hypothesis names one slot while the incumbent's neighbours are untried."""
    history, _ = searched(root, 10)
    for trial in history.trials[1:]:
        assert re.fullmatch(r"(features|preprocessing|model): [^;]+", trial.hypothesis), trial.hypothesis


def test_survives_crashes(root: Path):
    """A composition that crashes is recorded and passed over."""

    def lightgbm_crashes(source: str) -> float | None:
        return None if "LGBM" in source else by_text(source)

    history, heard = searched(root, 14, score=lightgbm_crashes)
    assert len(heard) == 14
    assert "crash" in {trial.status for trial in history.trials}
    assert all("LGBM" not in trial.source for trial in history.kept)


def test_stops_at_the_suspicious_bound(root: Path):
    """A score too good to be true ends the search: the loop stops, nothing more is tried, and it is said."""

    def leaking(source: str) -> float:
        return 0.999 if "Forest" in source or "LGBM" in source else by_text(source)

    history, heard = searched(root, 40, score=leaking)
    assert history.run.ended
    assert history.run.ended.startswith(f"SUSPICIOUS: trial {history.trials[-1].n} scored 0.9990")
    assert len(heard) == len(history.trials) - 1 < 40
    assert any("look for leakage first" in note for note in heard[-1].notes)
    assert (root / "train.py").read_text() == history.incumbent.source


def test_stops_at_the_budget(tmp_path: Path):
    """The run's budget of iterations bounds the search, too."""
    train = baseline("binary").source("baseline")
    history, _ = searched(face(tmp_path / "study", train=train, budget={"iterations": 3}), 12)
    assert len(history.trials) == 4
    assert history.run.ended == "its budget of 3 iterations is spent"


def test_stops_after_its_minutes(root: Path):
    """No trial begins after the given minutes."""
    seconds = iter(range(0, 10_000, 14))
    history, heard = searched(root, 12, minutes=2.0, clock=lambda: float(next(seconds)))
    assert len(heard) == 4
    assert len(history.trials) == 5


def test_what_is_under_way_is_abandoned_when_the_minutes_are_over(root: Path):
    """A slow trial does not hold a search up: it is closed as interrupted, and what was measured stands."""
    never = threading.Event()

    def slow(source: str) -> float:
        if "baseline" not in source:
            never.wait(30)
        return 0.8

    started = time.monotonic()
    history, heard = searched(root, 12, score=slow, minutes=0.02, width=2)
    never.set()
    assert time.monotonic() - started < 20
    assert not heard
    assert [trial.state for trial in history.trials[1:]] == [State.INTERRUPTED] * 2


def test_what_was_measured_behind_a_slow_trial_is_kept_when_the_minutes_are_over(root: Path):
    """The slow one is closed as interrupted; those after it, which waited for it to be judged, have their verdicts."""
    never, asked = threading.Event(), itertools.count()

    def first_is_slow(source: str) -> float:
        if "baseline" not in source and next(asked) == 0:
            never.wait(30)
        return 0.8

    history, heard = searched(root, 12, score=first_is_slow, minutes=0.05, width=3)
    never.set()
    states = [trial.state for trial in history.trials[1:]]
    assert sorted(states) == [State.COMPLETE, State.COMPLETE, State.INTERRUPTED]
    assert [outcome.trial.n for outcome in heard if outcome.trial] == [
        n for n, state in enumerate(states, 1) if state is State.COMPLETE
    ]


def test_minutes_are_an_option_of_the_command(root: Path):
    """`--minutes` bounds a search from the command line, and refuses what is no time."""
    assert len([x for x in search(root, "--minutes", "5", "--trials", "2").lines if x.startswith("iter ")]) == 3
    assert call(root, "search", "--minutes", "0").code == 2
    assert call(root, "search", "--trials", "0").code == 2


def test_ends_when_everything_was_tried(root: Path):
    """A space that is used up ends the search before its trials are."""
    start = baseline("binary")
    near = [found for found in compositions("binary") if apart(found, start) == 1][:5]
    history, heard = searched(root, 12, score=lambda _: 0.8, chooser=Listed([start, *near]))
    assert len(history.trials) == len(heard) + 1 == len({*near, start})


def test_starts_from_a_train_py_of_a_persons_own(tmp_path: Path):
    """Where train.py is no composition, the search draws from all of them."""
    history, heard = searched(face(tmp_path / "study"), 3, score=lambda s: 0.8 if s == LOGISTIC else 0.7)
    assert len(heard) == 3
    assert all(trial.hypothesis.count(":") == 3 for trial in history.trials[1:])


def test_does_not_overwrite_an_edit_that_was_never_measured(root: Path):
    """A person's edit that no trial has is not lost to a search: it is refused, with the way out."""
    searched(root, 1)
    mine = (root / "train.py").read_text().replace("    return X\n", "    return X.copy()\n")
    (root / "train.py").write_text(mine)
    said = call(root, "search", "--trials", "1", make=always(ScriptedScorer(score=by_text)))
    assert said.code == 1
    assert "train.py holds an edit that no trial has" in said.err
    assert (root / "train.py").read_text() == mine


class TestSideBySide:
    def test_pace_changes_nothing(self, tmp_path: Path):
        """With two trials under way the sequence and its verdicts are the seed's, however long each one takes."""
        train, told = baseline("binary").source("baseline"), []
        for number, slow in enumerate((0, 1)):

            def paced(source: str, slow: int = slow) -> float:
                time.sleep(0.15 * (int(fingerprints(source).code[9], 16) % 2 == slow))
                return by_text(source)

            history, _ = searched(face(tmp_path / str(number) / "study", train=train), 8, 3, paced, width=2)
            told.append([(trial.hypothesis, trial.label) for trial in history.trials])
        assert told[0] == told[1]
        assert len(told[0]) == 9

    @pytest.mark.parametrize("width", [1, 2, 3])
    def test_killed_search_goes_on_as_if_it_had_not_been(self, tmp_path: Path, width: int):
        """The same command after a Ctrl-C makes what is left of its budget: the trials of an uninterrupted search."""
        train = baseline("binary").source("baseline")
        whole, _ = searched(face(tmp_path / "a" / "study", train=train), 7, 3, width=width)
        root, measured = face(tmp_path / "b" / "study", train=train), []

        def interrupted(source: str) -> float:
            measured.append(source)
            if len(measured) == 5:
                raise KeyboardInterrupt
            return by_text(source)

        with pytest.raises(KeyboardInterrupt):
            searched(root, 7, 3, interrupted, width=width)
        history, heard = searched(root, 7, 3, width=width)
        assert len(heard) < 7
        assert [t.hypothesis for t in history.iterations] == [t.hypothesis for t in whole.iterations]
        assert [t.label for t in history.iterations] == [t.label for t in whole.iterations]
        assert not [trial for trial in history.trials if trial.state is State.RUNNING]
        _, more = searched(root, 2, 3, width=width)
        assert len(more) == 2, "a search that came to its end is followed by a new one"

    def test_both_may_be_kept(self, root: Path):
        """Two trials that were under way together can both advance the branch, which stays one line of commits."""
        better = iter(number / 1000 for number in range(801, 900))
        scores: dict[str, float] = {}
        history, _ = searched(root, 4, score=lambda text: scores.setdefault(text, next(better)), width=2)
        assert [trial.label for trial in history.trials[1:]] == ["KEPT"] * 4
        tip = history.incumbent.commit or ""
        assert git(root, "rev-parse", "HEAD") == tip
        log = git(root, "log", "--first-parent", "--format=%H", f"{history.run.base}..HEAD").split()
        assert log[::-1] == [trial.commit for trial in history.trials[1:]]
        assert all(git(root, "rev-parse", f"refs/autoresearch/run/{t.n}") == t.commit for t in history.trials)
        assert (root / "train.py").read_text() == history.incumbent.source
        assert git(root, "status", "--porcelain") == ""

    def test_budget_counts_what_is_under_way(self, tmp_path: Path):
        """No more trials begin than the run's budget has left."""
        train = baseline("binary").source("baseline")
        history, _ = searched(face(tmp_path / "study", train=train, budget={"iterations": 3}), 12, width=3)
        assert len(history.trials) == 4

    def test_edit_of_a_person_meanwhile_stays(self, root: Path):
        """train.py, edited while a search is at work, is left as it is, and that is said."""
        mine = (root / "train.py").read_text() + "\n# mine\n"

        def editing(source: str) -> float:
            if "baseline" not in source:
                (root / "train.py").write_text(mine)
                return 0.9
            return 0.8

        _, heard = searched(root, 1, score=editing, width=2)
        assert any("edited while the search was at work" in note for note in heard[-1].notes)
        assert (root / "train.py").read_text() == mine

    def test_scorer_that_fails_ends_the_search_with_its_line(self, root: Path):
        """What the scorer refuses ends the search; no trial stays open."""

        def failing(source: str) -> float:
            if "baseline" not in source:
                raise AutoresearchError("the scorer ended while it was at work")
            return 0.8

        with pytest.raises(AutoresearchError, match="the scorer ended"):
            searched(root, 3, score=failing, width=2)
        with loop_over(root, always(ScriptedScorer(score=by_text))) as loop:
            assert not [trial for trial in loop.workspace.current().trials if trial.state is State.RUNNING]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_works_over_dates_text_and_gaps(tmp_path: Path, task: str):
    """With real folds a search over a messy table makes its trials, and none of them crashes."""
    rows = table(150)
    days = pd.date_range("2020-01-01", periods=150, freq="31h").strftime("%Y-%m-%d")
    rows = rows.assign(when=days, text=[f"{kind} number {n}" for n, kind in enumerate(rows["kind"])])
    rows.loc[::9, ["when", "text"]] = None
    metric = "rmse" if task == "regression" else "log_loss"
    rows["label"] = rows["size"] if task == "regression" else pd.qcut(rows["size"], 3, labels=False)
    train = baseline(task, messy=True).source("baseline")
    root = face(
        tmp_path / "study", rows.drop(columns="size"), train, study={"task": task, "positive": None},
        evaluation={"metric": metric},
    )  # fmt: skip
    with loop_over(root) as loop:
        loop.start("run")
        assert loop.workspace.prepared(loop.workspace.study()).messy
        history = Search(loop, 1, lambda _: None).run(3, None)
    assert len(history.trials) == 4
    assert {t.state for t in history.trials} <= {State.COMPLETE, State.PRUNED}, [t.error for t in history.trials]
    assert all("TableVectorizer" in trial.source for trial in history.trials)


def test_measures_for_real(tmp_path: Path):
    """With real folds a search finds its way over a small table, and its best trial holds up when measured again."""
    train = baseline("binary").source("baseline")
    with loop_over(face(tmp_path / "study", table(150), train=train)) as loop:
        loop.start("run")
        history = Search(loop, 1, lambda _: None).run(2, None)
        again = loop.scorer_of(history.run.study).evaluate(history.incumbent.source, history.run.repeats)
    assert {trial.state for trial in history.trials} <= {State.COMPLETE, State.PRUNED}
    assert again.scores == history.incumbent.scores
    digests = {hashlib.sha256(trial.source.encode()).hexdigest() for trial in history.trials}
    assert len(digests) == 3


def test_futile_trial_is_pruned_and_ranks_nowhere(tmp_path: Path):
    """With real folds what cannot pass any more is stopped between repeats: no score, a reason, discarded."""
    train = baseline("binary").source("baseline")
    poor = [found for found in compositions("binary") if found.choice[2].name == "tree"][:1]
    with loop_over(face(tmp_path / "study", table(300), train=train)) as loop:
        loop.start("run")
        history = Search(loop, 1, lambda _: None, chooser=Listed([baseline("binary"), *poor])).run(1, None)
    (pruned,) = [trial for trial in history.trials if trial.state is State.PRUNED]
    assert 1 <= len(pruned.scores) < history.run.repeats
    assert (pruned.score, pruned.label, pruned.status) == (None, "PRUNED", "discard")
    assert pruned.reason.startswith(f"futile after {len(pruned.scores)} of {history.run.repeats} repeats")
    assert pruned not in history.complete


def test_pruned_trials_count_in_the_claim(root: Path):
    """What was tried and stopped early was tried: the interval over all trials counts it."""
    history, _ = searched(root, 4)
    trials = [*history.trials, replace(history.trials[1], n=5, state=State.PRUNED, verdict=Verdict.DISCARD, score=None)]
    longer = replace(history, trials=trials)
    assert longer.incumbent is not longer.baseline
    assert longer.claim().trials == history.claim().trials + 1


def test_each_trial_says_its_mode_and_why(root: Path):
    """What is tried is explained, and the record keeps what it was made of."""
    history, heard = searched(root, 6)
    assert all(re.match(r"(explore|exploit|combine|narrow): \S", outcome.notes[-1]) for outcome in heard)
    with loop_over(root, always(ScriptedScorer(score=by_text))) as loop:
        tried = loop.workspace.digests().tried()
    assert [found.n for found in tried] == [trial.n for trial in history.trials]
    for found, trial in zip(tried, history.trials, strict=True):
        made = Composition.of(found.choice, found.params)
        assert made is not None
        assert fingerprints(made.source("")).code == trial.code
