"""The loop: what start, step, checkout, measure, stop and resume leave behind, in a real repository."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fakes import (
    BASELINE,
    OUTCOMES,
    TAG,
    FakeScorer,
    as_person,
    command,
    commit,
    edit,
    follow,
    git,
    make_loop,
    settled,
    source_at,
    version,
)

from autoresearch import service
from autoresearch.errors import (
    AutoresearchError,
    BusyError,
    DuplicateError,
    GitError,
    LedgerError,
    RunOverError,
)
from autoresearch.loop import Outcome
from autoresearch.session import open_loop
from autoresearch.trial import State, Trial, Verdict

HOUR = 3600.0


def trial_of(outcome: Outcome | str) -> Trial:
    """The trial that an outcome tells of."""
    assert isinstance(outcome, Outcome)
    assert outcome.trial
    return outcome.trial


def configure(root: Path, old: str, new: str) -> None:
    """Change study.toml, and commit that."""
    text = (root / "study.toml").read_text()
    assert old in text
    (root / "study.toml").write_text(text.replace(old, new))
    commit(root, "another study", "study.toml")


class TestStart:
    def test_baseline_is_trial_zero(self, root: Path):
        """A start makes the branch, measures the commit it starts from and moves nothing else."""
        head = git(root, "rev-parse", "HEAD")
        outcome = make_loop(root).start(TAG)
        trial = trial_of(outcome)
        assert (trial.n, trial.parent, trial.score, trial.verdict) == (0, None, 0.8, Verdict.KEEP)
        assert outcome.notes == ()
        assert git(root, "rev-parse", "HEAD") == git(root, "rev-parse", "main") == head
        assert git(root, "status", "--porcelain") == ""
        settled(root)

    def test_baseline_without_score_changes_nothing(self, root: Path):
        """A baseline that crashes is refused, and no branch, run or result is left."""
        (root / "train.py").write_text(version(0, "crash: ValueError: no"))
        commit(root, "a broken baseline", "train.py")
        refs = git(root, "for-each-ref")
        with pytest.raises(AutoresearchError, match=r"the baseline has no score: ValueError: no; put train\.py right"):
            make_loop(root).start(TAG)
        assert git(root, "for-each-ref") == refs
        assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main"
        assert make_loop(root).workspace.ledger.runs() == []
        assert not (root / "results.tsv").exists()

    def test_baseline_that_does_not_repeat_is_said(self, root: Path):
        """A baseline that gives other predictions the second time is kept with a warning in the record."""
        outcome = make_loop(root, scorer=FakeScorer(exact=False)).start(TAG)
        assert "does not repeat to the last digit" in outcome.notes[-1]
        assert outcome.history.run.warnings == (outcome.notes[-1],)

    def test_taken_tag_is_refused(self, started: Path):
        """A tag is used once; the way back to its run is named."""
        git(started, "switch", "-q", "main")
        with pytest.raises(GitError, match=f"tag '{TAG}' is taken; go on with it: git switch autoresearch/{TAG}"):
            make_loop(started).start(TAG)

    def test_commit_during_baseline_is_refused(self, root: Path):
        """A person's commit while the baseline is measured is not left behind by the new branch: start again."""
        scorer = FakeScorer(during=lambda _: commit(root, "meanwhile"))
        with pytest.raises(GitError, match="start"):
            make_loop(root, scorer=scorer).start(TAG)
        assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main"
        assert git(root, "for-each-ref", "refs/heads/autoresearch", "refs/autoresearch") == ""
        assert make_loop(root).workspace.ledger.runs() == []

    def test_same_tag_in_two_worktrees_at_once(self, root: Path, tmp_path: Path):
        """Of two starts under one tag at the same time, one is refused and leaves its worktree as it was."""
        other = tmp_path / "other"
        git(root, "worktree", "add", "-q", "-b", "other", str(other))
        scorer = FakeScorer(during=lambda _: make_loop(other).start(TAG))
        with pytest.raises(GitError, match="is taken"):
            make_loop(root, scorer=scorer).start(TAG)
        assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main"
        settled(other)


class TestStep:
    @pytest.mark.parametrize("verdict", OUTCOMES)
    def test_verdict_is_carried_out(self, started: Path, verdict: str):
        """A kept version becomes the branch; anything else leaves the branch and restores train.py."""
        base = git(started, "rev-parse", "HEAD")
        text = edit(started, 1, OUTCOMES[verdict])
        outcome = make_loop(started).step()
        assert trial_of(outcome).status == verdict
        assert outcome.notes == ()
        kept = verdict == "keep"
        assert source_at(started, "HEAD") == (started / "train.py").read_text() == (text if kept else BASELINE)
        assert git(started, "rev-parse", "HEAD^" if kept else "HEAD") == base
        assert git(started, "status", "--porcelain") == ""
        _, notes = settled(started)
        assert notes == ()

    def test_time_out_is_reverted(self, started: Path):
        """A time-out has no score and no verdict, counts as a crash, and train.py goes back."""
        edit(started, 1, "timeout: 180 s")
        trial = trial_of(make_loop(started).step())
        assert (trial.state, trial.score, trial.verdict, trial.status) == (State.TIMED_OUT, None, None, "crash")
        assert (started / "train.py").read_text() == BASELINE

    def test_ratchet_only_advances(self, started: Path):
        """A version better than the baseline but not than the incumbent is discarded."""
        for value, score, label in (
            (1, 0.9, "KEPT"),
            (2, 0.85, "DISCARDED"),
            (3, 0.92, "KEPT"),
            (4, 0.91, "DISCARDED"),
        ):
            edit(started, value, f"scores: {score}")
            assert trial_of(make_loop(started).step()).label == label
        history, _ = settled(started)
        assert history.incumbent.n == 3
        assert git(started, "rev-list", "--count", "main..HEAD") == "2"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (BASELINE, "train.py is unchanged: the same code as trial 0; edit it first"),
            (BASELINE + "\n# a thought\n", "train.py is unchanged: the same code as trial 0"),
            (
                version(1, "scores: 0.7", "said otherwise"),
                r"duplicate of trial 1, nothing was run\. iter 1 \|",
            ),
        ],
        ids=["unchanged", "comment", "duplicate"],
    )
    def test_no_new_version_is_answered_from_the_ledger(self, started: Path, text: str, message: str):
        """What was tried is not run again, and no trial is entered."""
        edit(started, 1, OUTCOMES["discard"])
        make_loop(started).step()
        (started / "train.py").write_text(text)
        scorer = FakeScorer()
        with pytest.raises(DuplicateError, match=message):
            make_loop(started, scorer=scorer).step()
        assert scorer.measured == []
        assert (started / "train.py").read_text() == text
        assert len(settled(started)[0].trials) == 2

    def test_seed_is_no_hypothesis(self, root: Path):
        """A version that differs from an earlier one in a seed alone is refused."""
        seeded = BASELINE + "\nSEED = 1\n"
        (root / "train.py").write_text(seeded)
        commit(root, "seeded", "train.py")
        make_loop(root).start(TAG)
        (root / "train.py").write_text(seeded.replace("SEED = 1", "SEED = 2"))
        with pytest.raises(DuplicateError, match="only a random seed differs from trial 0"):
            make_loop(root).step()

    def test_repair_is_said_when_the_step_is_refused(self, started: Path):
        """What was repaired is told even when the command itself then refuses."""
        edit(started, 1, OUTCOMES["discard"])
        command(started, "step", "decided").communicate(timeout=60)
        with pytest.raises(DuplicateError, match=r"repaired: trial 1 \(discarded\) is settled.*train\.py is unchanged"):
            make_loop(started).step()

    @pytest.mark.parametrize("error", [KeyboardInterrupt, AutoresearchError("no cell")])
    def test_interrupted_by_hand(self, started: Path, error: BaseException | type[BaseException]):
        """Ctrl-C, or a scorer that cannot go on, ends the trial as interrupted and leaves train.py alone."""

        def during(_: str) -> None:
            raise error

        text = edit(started, 1)
        with pytest.raises(error if isinstance(error, type) else type(error)):
            make_loop(started, scorer=FakeScorer(during=during)).step()
        assert (started / "train.py").read_text() == text
        history, notes = settled(started)
        assert notes == ()
        assert history.trials[1].state is State.INTERRUPTED
        assert trial_of(make_loop(started).step()).n == 2

    def test_unexpected_error_is_repaired(self, started: Path):
        """A bug in the scorer loses nothing: the next command calls the trial interrupted."""

        def during(_: str) -> None:
            raise RuntimeError("a bug")

        edit(started, 1)
        with pytest.raises(RuntimeError):
            make_loop(started, scorer=FakeScorer(during=during)).step()
        _, notes = settled(started)
        assert notes == ("repaired: trial 1 was interrupted; train.py is as it was left",)

    def test_staged_discard_does_not_stay_staged(self, started: Path):
        """A version that was staged before its trial is not left in the index for the next commit to pick up."""
        edit(started, 1, OUTCOMES["discard"])
        git(started, "add", "train.py")
        make_loop(started).step()
        assert git(started, "status", "--porcelain") == ""

    def test_strange_hypothesis_is_recorded_in_one_line(self, started: Path):
        """Escapes, line ends, surrogates and endless text in HYPOTHESIS break neither git, ledger nor view."""
        strange = r"\ud800 \0 \x1b[31m tab\t line\n end " + "x" * 1_500
        edit(started, 1, hypothesis=strange)
        trial = trial_of(make_loop(started).step())
        assert trial.hypothesis.isprintable()
        assert len(trial.hypothesis) == 500
        assert len((started / "results.tsv").read_text().splitlines()) == 3
        settled(started)

    def test_strange_error_is_recorded(self, started: Path):
        """An error text that is no valid Unicode ends up in the ledger all the same."""
        edit(started, 1, OUTCOMES["crash"])
        scorer = FakeScorer(error="ValueError: \ud800 \0")
        assert trial_of(make_loop(started, scorer=scorer).step()).state is State.CRASHED
        settled(started)


class TestEditedMeanwhile:
    @pytest.mark.parametrize("verdict", OUTCOMES)
    def test_edit_during_trial_survives(self, started: Path, verdict: str):
        """train.py edited while its trial ran is left as it is, on keep and on discard; the verdict still holds."""
        meanwhile = version(2, "scores: 0.95")
        measured = edit(started, 1, OUTCOMES[verdict])
        scorer = FakeScorer(during=lambda _: (started / "train.py").write_text(meanwhile))
        outcome = make_loop(started, scorer=scorer).step()
        assert (started / "train.py").read_text() == meanwhile
        kept = verdict == "keep"
        assert source_at(started, "HEAD") == (measured if kept else BASELINE)
        said = () if kept else ("train.py was edited after trial 1 began: left as it is",)
        assert outcome.notes == said
        assert trial_of(make_loop(started).step()).label == "KEPT"
        assert source_at(started, "HEAD") == meanwhile

    @pytest.mark.parametrize("verdict", OUTCOMES)
    def test_deleted_during_trial(self, started: Path, verdict: str):
        """train.py deleted while its trial ran stays deleted, and the next step says how to bring it back."""
        edit(started, 1, OUTCOMES[verdict])
        make_loop(started, scorer=FakeScorer(during=lambda _: (started / "train.py").unlink())).step()
        settled(started)
        with pytest.raises(GitError, match=r"train\.py is gone; bring it back: git restore train\.py"):
            make_loop(started).step()
        git(started, "restore", "train.py")
        edit(started, 2, "scores: 0.95")
        assert trial_of(make_loop(started).step()).label == "KEPT"

    def test_commit_during_trial_is_left_alone(self, started: Path):
        """A person's commit during the trial stays on the branch; the kept version is taken over as the note says."""
        edit(started, 1)
        (started / "notes.md").write_text("a thought\n")
        scorer = FakeScorer(during=lambda _: commit(started, "meanwhile", "notes.md"))
        outcome = make_loop(started, scorer=scorer).step()
        assert git(started, "log", "-1", "--format=%s") == "meanwhile"
        assert "a person moved the branch meanwhile and it is left alone" in outcome.notes[0]
        edit(started, 2, "scores: 0.95")
        with pytest.raises(GitError) as refused:
            make_loop(started).step()
        (started / "train.py").write_text(version(1))
        as_person(started)
        follow(started, str(refused.value))
        assert "meanwhile" in git(started, "log", "--format=%s"), "the remedy loses no commit"
        assert (started / "notes.md").read_text() == "a thought\n"
        edit(started, 2, "scores: 0.95")
        assert trial_of(make_loop(started).step()).label == "KEPT"
        settled(started)


class TestTwoAtOnce:
    def test_second_waits_or_says_who(self, started: Path):
        """While a step is at work, an impatient command says which process holds the worktree; a patient one waits."""
        began, go = threading.Event(), threading.Event()

        def during(_: str) -> None:
            began.set()
            assert go.wait(30)

        said: list[str] = []

        def second() -> None:
            with pytest.raises(DuplicateError) as refused:
                make_loop(started).step()
            said.append(str(refused.value))

        edit(started, 1)
        first = threading.Thread(target=lambda: make_loop(started, scorer=FakeScorer(during=during)).step())
        first.start()
        assert began.wait(30)
        with pytest.raises(BusyError, match=r"`step` is at work in this worktree \(process \d+, for \d+ s\)"):
            make_loop(started).repair(patience=0)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        go.set()
        first.join(30)
        waiting.join(30)
        assert said == ["train.py is unchanged: the same code as trial 1; edit it first"]
        assert len(settled(started)[0].trials) == 2

    def test_two_processes_make_one_trial(self, started: Path):
        """Two steps begun at once measure the version once."""
        edit(started, 1)
        both = [command(started, "step"), command(started, "step")]
        errors = [process.communicate(timeout=60)[1].decode() for process in both]
        assert sorted(process.returncode for process in both) == [0, 1]
        assert "is unchanged: the same code as trial 1" in "".join(errors)
        history, notes = settled(started)
        assert notes == ()
        assert [trial.label for trial in history.trials] == ["KEPT", "KEPT"]

    def test_two_worktrees_share_a_ledger(self, started: Path, tmp_path: Path):
        """Runs in two worktrees at the same time keep their trials, branches, files and results apart."""
        other = tmp_path / "other"
        git(started, "worktree", "add", "-q", str(other), "main", "--detach")
        make_loop(other).start("u")
        roots, meet = {TAG: started, "u": other}, threading.Barrier(2, timeout=30)

        def three_steps(tag: str) -> None:
            loop = make_loop(roots[tag], scorer=FakeScorer(during=lambda _: meet.wait()))
            for value, outcome in enumerate(OUTCOMES.values(), start=1):
                edit(roots[tag], value + (10 if tag == "u" else 0), outcome, f"{tag} {value}")
                loop.step()

        threads = [threading.Thread(target=three_steps, args=[tag]) for tag in roots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for tag, root in roots.items():
            history, notes = settled(root)
            assert notes == ()
            assert [trial.status for trial in history.trials] == ["keep", *OUTCOMES]
            assert [trial.hypothesis for trial in history.trials[1:]] == [f"{tag} {n}" for n in (1, 2, 3)]
            assert git(root, "symbolic-ref", "HEAD") == f"refs/heads/autoresearch/{tag}"
        ledgers = {make_loop(root).workspace.ledger.path for root in roots.values()}
        assert len(ledgers) == 1


class TestCheckout:
    @pytest.fixture
    def tried(self, started: Path) -> Path:
        """A run with trial 1 discarded and trial 2 kept."""
        for value, outcome in ((1, OUTCOMES["discard"]), (2, OUTCOMES["keep"])):
            edit(started, value, outcome)
            make_loop(started).step()
        return started

    def test_unmeasured_edit_is_not_lost(self, tried: Path):
        """An edit that no trial has is not overwritten, a comment included; the message says what to do."""
        text = (tried / "train.py").read_text() + "# a thought\n"
        (tried / "train.py").write_text(text)
        with pytest.raises(GitError, match=r"holds an edit that no trial has.*measure it with `autoresearch step`"):
            make_loop(tried).checkout(1)
        assert (tried / "train.py").read_text() == text
        assert make_loop(tried).repair().history.run.parent == 2

    def test_unknown_trial(self, tried: Path):
        """A number without a trial is refused with the numbers there are."""
        with pytest.raises(LedgerError, match="run 't' has no trial 7; it has 0 to 2"):
            make_loop(tried).checkout(7)

    def test_keep_has_both_parents(self, tried: Path):
        """A keep from a checked-out trial descends from the incumbent and from it, and the branch fast-forwards."""
        before = git(tried, "rev-parse", "HEAD")
        make_loop(tried).checkout(1)
        assert (tried / "train.py").read_text() == version(1, OUTCOMES["discard"])
        assert git(tried, "rev-parse", "HEAD") == before
        edit(tried, 3, "scores: 0.95")
        trial = trial_of(make_loop(tried).step())
        assert (trial.parent, trial.label) == (1, "KEPT")
        parents = git(tried, "rev-parse", "HEAD^1", "HEAD^2").split()
        assert parents == [before, git(tried, "rev-parse", f"refs/autoresearch/{TAG}/1")]
        assert make_loop(tried).repair().history.run.parent == 3
        settled(tried)

    def test_discard_goes_back_to_the_parent(self, tried: Path):
        """A discard from a checked-out trial restores that trial's source, and it stays the parent."""
        make_loop(tried).checkout(1)
        edit(tried, 3, OUTCOMES["discard"])
        make_loop(tried).step()
        assert (tried / "train.py").read_text() == version(1, OUTCOMES["discard"])
        assert source_at(tried, "HEAD") == version(2)
        history, notes = settled(tried)
        assert notes == ()
        assert history.run.parent == 1
        make_loop(tried).checkout(2)
        assert git(tried, "status", "--porcelain") == ""

    def test_killed_discard_goes_back_to_the_parent(self, tried: Path):
        """The same when the process was killed between verdict and restoring."""
        make_loop(tried).checkout(1)
        edit(tried, 3, OUTCOMES["discard"])
        command(tried, "step", "decided").communicate(timeout=60)
        settled(tried)
        assert (tried / "train.py").read_text() == version(1, OUTCOMES["discard"])

    def test_deleted_file_comes_back(self, tried: Path):
        """Checkout brings a deleted train.py back: there is nothing to lose."""
        (tried / "train.py").unlink()
        make_loop(tried).checkout(2)
        assert git(tried, "status", "--porcelain") == ""

    def test_edit_that_is_no_text_is_not_lost(self, tried: Path):
        """Bytes that are no UTF-8 are an edit like any other."""
        (tried / "train.py").write_bytes(b"\xff\xfe")
        with pytest.raises(GitError, match="an edit that no trial has"):
            make_loop(tried).checkout(1)
        assert (tried / "train.py").read_bytes() == b"\xff\xfe"


class TestByHand:
    def measure(self, root: Path) -> Outcome | str:
        """``uv run train.py``."""
        loop = make_loop(root)
        found, outcome = loop.measure(loop.workspace.study())
        assert found.isolation == "none"
        return outcome

    def test_outside_a_run_nothing_is_recorded(self, root: Path):
        """Where there is no run the file is measured, and the reason for no record is given."""
        assert "there is no run yet" in str(self.measure(root))
        assert make_loop(root).workspace.ledger.runs() == []

    def test_committed_keep(self, started: Path):
        """An edit committed by hand and kept is the incumbent under that very commit; step goes on from it."""
        edit(started, 1)
        head = commit(started, "by hand", "train.py")
        trial = trial_of(self.measure(started))
        assert (trial.label, trial.commit, trial.by_hand) == ("KEPT", head, True)
        assert git(started, "rev-parse", "HEAD") == head
        edit(started, 2, OUTCOMES["discard"])
        assert trial_of(make_loop(started).step()).parent == 1
        assert (started / "train.py").read_text() == version(1)
        settled(started)

    def test_committed_discard_is_the_persons_to_revert(self, started: Path):
        """An edit committed by hand and discarded is left to the person; kept by hand, step refuses with the remedy."""
        text = edit(started, 1, OUTCOMES["discard"])
        head = commit(started, "by hand", "train.py")
        assert trial_of(self.measure(started)).label == "DISCARDED"
        assert git(started, "rev-parse", "HEAD") == head
        assert (started / "train.py").read_text() == text
        edit(started, 2)
        with pytest.raises(
            GitError, match=r"the branch holds trial 1 \(discarded\), the incumbent is trial 0"
        ) as refused:
            make_loop(started).step()
        assert (started / "train.py").read_text() == version(2)
        (started / "train.py").write_text(text)
        as_person(started)
        follow(started, str(refused.value))
        assert (started / "train.py").read_text() == BASELINE
        edit(started, 2)
        assert trial_of(make_loop(started).step()).label == "KEPT"
        settled(started)

    def test_discard_reset_by_hand(self, started: Path):
        """The nine steps by hand: after `git reset --hard HEAD~1` the run goes on, and the version stays."""
        edit(started, 1, OUTCOMES["discard"])
        head = commit(started, "by hand", "train.py")
        self.measure(started)
        git(started, "reset", "-q", "--hard", "HEAD~1")
        git(started, "reflog", "expire", "--expire=now", "--all")
        git(started, "gc", "-q", "--prune=now")
        assert git(started, "cat-file", "-t", head) == "commit"
        edit(started, 2)
        assert trial_of(make_loop(started).step()).label == "KEPT"
        settled(started)

    def test_uncommitted_keep(self, started: Path):
        """An uncommitted edit that is kept by hand's measurement is snapshot and becomes the branch."""
        text = edit(started, 1)
        assert trial_of(self.measure(started)).label == "KEPT"
        assert source_at(started, "HEAD") == text
        assert git(started, "status", "--porcelain") == ""
        edit(started, 2, "scores: 0.95")
        assert trial_of(make_loop(started).step()).label == "KEPT"
        settled(started)

    @pytest.mark.parametrize("verdict", ["discard", "crash"])
    def test_uncommitted_discard(self, started: Path, verdict: str):
        """An uncommitted edit that fails by hand stays in train.py, as a duplicate; the next edit is measured."""
        text = edit(started, 1, OUTCOMES[verdict])
        assert trial_of(self.measure(started)).status == verdict
        assert (started / "train.py").read_text() == text
        with pytest.raises(DuplicateError, match="duplicate of trial 1"):
            make_loop(started).step()
        edit(started, 2)
        assert trial_of(make_loop(started).step()).label == "KEPT"
        settled(started)

    def test_unmeasured_commit_is_named(self, started: Path):
        """A commit of train.py that was never measured stops step, and measuring it is the remedy."""
        edit(started, 1)
        commit(started, "by hand", "train.py")
        with pytest.raises(GitError, match=r"never measured; measure it with `uv run train\.py`"):
            make_loop(started).step()
        assert trial_of(self.measure(started)).label == "KEPT"

    def test_killed_keep_then_committed_on(self, started: Path):
        """A keep killed before it was settled, then a version committed on top: the lineage is right all the same."""
        edit(started, 1)
        command(started, "step", "ref moved").communicate(timeout=60)
        edit(started, 2, OUTCOMES["discard"])
        commit(started, "by hand", "train.py")
        outcome = self.measure(started)
        assert (trial_of(outcome).parent, trial_of(outcome).label) == (1, "DISCARDED")
        assert isinstance(outcome, Outcome)
        assert not any("left alone" in note for note in outcome.notes)

    def test_repeated_measuring_is_told(self, started: Path):
        """The same version measured by hand again is measured but not recorded a second time."""
        edit(started, 1)
        self.measure(started)
        assert "is unchanged: the same code as trial 1" in str(self.measure(started))
        assert len(settled(started)[0].trials) == 2


class TestEnd:
    def test_iterations_spent(self, root: Path):
        """The last iteration ends the run and says so; the next step is refused, resume begins a new budget."""
        configure(root, "iterations = 100", "iterations = 2")
        make_loop(root).start(TAG)
        for value in (1, 2):
            edit(root, value, OUTCOMES["discard"])
            outcome = make_loop(root).step()
        assert outcome.notes == ("the run has ended: its budget of 2 iterations is spent",)
        text = edit(root, 3)
        with pytest.raises(
            RunOverError, match=r"its budget of 2 iterations is spent; .*autoresearch resume"
        ) as refused:
            make_loop(root).step()
        assert refused.value.exit_code == 4
        assert (root / "train.py").read_text() == text
        make_loop(root).resume()
        assert trial_of(make_loop(root).step()).label == "KEPT"

    def test_interrupted_trials_cost_no_iteration(self, root: Path):
        """Only trials that ended count."""
        configure(root, "iterations = 100", "iterations = 1")
        make_loop(root).start(TAG)
        edit(root, 1)
        for _ in range(3):
            command(root, "step", "trial ran").communicate(timeout=60)
        outcome = make_loop(root).step()
        assert trial_of(outcome).n == 4
        assert outcome.history.run.ended == "its budget of 1 iterations is spent"

    def test_hours_spent(self, root: Path):
        """The clock ends a run between trials; resume counts the hours anew."""
        now = [1_000_000.0]
        loop = make_loop(root, clock=lambda: now[0])
        loop.start(TAG)
        now[0] += 8 * HOUR - 1
        edit(root, 1)
        assert loop.step().notes == ()
        now[0] += 1
        edit(root, 2, "scores: 0.95")
        with pytest.raises(RunOverError, match="its budget of 8 hours is spent"):
            loop.step()
        assert loop.workspace.current().run.ended == "its budget of 8 hours is spent"
        loop.resume()
        assert trial_of(loop.step()).label == "KEPT"

    def test_stop_and_resume(self, started: Path):
        """A stopped run refuses steps and goes on after resume; stopping again keeps the first reason."""
        loop = make_loop(started)
        loop.stop("lunch")
        assert loop.stop("again").history.run.ended == "lunch"
        edit(started, 1)
        with pytest.raises(RunOverError, match="run 't' has ended: lunch"):
            loop.step()
        loop.resume()
        assert trial_of(loop.step()).label == "KEPT"

    @pytest.mark.parametrize("killed", [False, True], ids=["whole", "killed"])
    def test_suspicious_score_ends_the_run(self, started: Path, killed: bool):
        """A score beyond the bound ends the run, also when the process died right after the verdict."""
        edit(started, 1, "scores: 0.995")
        if killed:
            command(started, "step", "decided").communicate(timeout=60)
        else:
            outcome = make_loop(started).step()
            assert outcome.notes[0].startswith("the run has ended: SUSPICIOUS: trial 1 scored 0.9950")
        edit(started, 2, "scores: 0.996")
        with pytest.raises(RunOverError, match=r"SUSPICIOUS: trial 1 scored 0\.9950, beyond the bound of 0\.9900"):
            make_loop(started).step()
        assert "SUSPICIOUS" in (settled(started)[0].run.ended or "")
        note = make_loop(started).resume().notes[0]
        assert note == "the suspicious bound is now 0.9975"
        assert trial_of(make_loop(started).step()).label == "KEPT"

    def test_resume_after_a_suspicious_discard(self, started: Path):
        """A suspicious score that was discarded does not end the run again after a person resumed it."""
        edit(started, 1, "scores: 0.985")
        make_loop(started).step()
        edit(started, 2, "scores: 0.999 0.999 0.96 0.999 0.999")
        outcome = make_loop(started).step()
        assert trial_of(outcome).label == "DISCARDED"
        assert "SUSPICIOUS: trial 2" in outcome.notes[0]
        make_loop(started).resume()
        edit(started, 3, "scores: 0.986")
        assert make_loop(started).step().notes == ()

    def test_baseline_beyond_the_bound(self, root: Path):
        """A baseline that stands beyond the bound is warned of, and the bound moves halfway to a perfect score."""
        (root / "train.py").write_text(version(0, "scores: 0.992"))
        commit(root, "an easy table", "train.py")
        outcome = make_loop(root).start(TAG)
        assert "beyond the suspicious bound 0.99" in outcome.notes[0]
        assert outcome.history.run.bound == pytest.approx(0.996)
        edit(root, 1, "scores: 0.995")
        assert make_loop(root).step().notes == ()
        edit(root, 2, "scores: 0.997")
        assert "SUSPICIOUS: trial 2" in make_loop(root).step().notes[0]

    def test_frozen_while_ended(self, started: Path):
        """A run that ended can still be looked at, checked out from and repaired."""
        edit(started, 1)
        loop = make_loop(started)
        loop.step()
        loop.stop()
        loop.checkout(0)
        assert (started / "train.py").read_text() == BASELINE
        settled(started)


@pytest.mark.parametrize("clean", ["-fd", "-fdx"])
def test_versions_outlive_gc_reset_and_clean(started: Path, clean: str):
    """Kept, discarded and crashed versions are all there after gc, reset --hard and clean."""
    texts = [BASELINE]
    for value, outcome in enumerate(OUTCOMES.values(), start=1):
        texts.append(edit(started, value, outcome))
        make_loop(started).step()
    edit(started, 4)
    git(started, "reset", "-q", "--hard")
    git(started, "clean", "-q", clean)
    git(started, "reflog", "expire", "--expire=now", "--all")
    git(started, "gc", "-q", "--prune=now")
    history, _ = settled(started)
    assert [source_at(started, f"refs/autoresearch/{TAG}/{n}") for n in range(4)] == texts
    loop = make_loop(started)
    for trial in history.trials:
        loop.checkout(trial.n)
        assert (started / "train.py").read_text() == texts[trial.n]
    loop.checkout(1)
    edit(started, 5, "scores: 0.95")
    assert trial_of(loop.step()).label == "KEPT"


def test_study_is_measured_for_real(heart_root: Path):
    """The real scorer on the bundled table: a weak baseline, a clear gain kept, a loss and a crash reverted."""
    train = heart_root / "train.py"
    good = train.read_text()
    weak = good.replace("return X\n", 'return X[["age"]]\n', 1).replace("baseline: ", "weak: ")
    assert weak != good
    train.write_text(weak)
    commit(heart_root, "a weak baseline", "train.py")
    with open_loop(heart_root, warm=False) as loop:
        assert 0.5 < (trial_of(loop.start(TAG)).score or 0) < 0.75
        train.write_text(good)
        kept = trial_of(loop.step())
        assert kept.label == "KEPT"
        assert (kept.score or 0) > 0.8
        train.write_text(weak.replace('"age"', '"chol"'))
        assert trial_of(loop.step()).label == "DISCARDED"
        assert train.read_text() == good
        train.write_text(good.replace("return X\n", "return X.no_such_column\n", 1))
        crashed = trial_of(loop.step())
        assert crashed.label == "CRASHED"
        assert "no_such_column" in (crashed.error or "")
        assert train.read_text() == good
    settled(heart_root)


@pytest.mark.slow
@pytest.mark.parametrize("warm", [False, True])
def test_real_step_killed_in_its_trial(heart_root: Path, warm: bool):
    """A real step killed while its folds run holds no lock and leaves nothing that the next one does not repair."""
    script = (
        "from autoresearch.session import open_loop\n"
        f"with open_loop(warm={warm}) as loop:\n    print(flush=True)\n    loop.step()\n"
    )
    with open_loop(heart_root, warm=warm) as loop:
        loop.start(TAG)
    train = heart_root / "train.py"
    text = train.read_text().replace("    return X\n", "    import time\n\n    time.sleep(0.5)\n    return X\n", 1)
    train.write_text(text)
    step = subprocess.Popen([sys.executable, "-c", script], cwd=heart_root, stdout=subprocess.PIPE)
    assert step.stdout
    step.stdout.readline()
    time.sleep(4)
    step.kill()
    assert step.wait(10) == -9
    with open_loop(heart_root, warm=warm) as loop:
        assert loop.repair(patience=1).notes == ("repaired: trial 1 was interrupted; train.py is as it was left",)
        assert train.read_text() == text
        train.write_text(text.replace("0.5", "0.001").replace("max_iter=1000", "C=1e-6"))
        assert trial_of(loop.step()).label == "DISCARDED"
        service.stop(loop.workspace.git.common_dir)
    settled(heart_root)
