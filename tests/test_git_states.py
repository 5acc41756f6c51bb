"""States of a repository that a person can bring about: a clear refusal with a remedy that works, or a told repair."""

import os
import subprocess
from collections.abc import Callable
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
    fake_prepare,
    follow,
    git,
    make_loop,
    repository,
    settled,
    source_at,
    version,
)

from autoresearch import git as plumbing
from autoresearch.errors import AutoresearchError, DuplicateError, GitError, StudyError
from autoresearch.loop import Outcome
from autoresearch.trial import State
from autoresearch.workspace import open_workspace

BROKEN = "#!/bin/sh\nexit 1\n"


def refused(root: Path, verb: Callable[[], Outcome], error: type[AutoresearchError] = GitError) -> str:
    """The one line with which `verb` is refused, after a look that train.py is as it was."""
    train = root / "train.py"
    before = train.read_bytes() if train.exists() else None
    with pytest.raises(error) as caught:
        verb()
    assert (train.read_bytes() if train.exists() else None) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def step(root: Path) -> Outcome:
    """One step with a fresh loop."""
    return make_loop(root).step()


def label(outcome: Outcome) -> str:
    """What became of the trial."""
    assert outcome.trial
    return outcome.trial.label


class TestStart:
    @pytest.mark.parametrize("name", ["train.py", "study.toml", "prepare.py"])
    def test_dirty_face(self, root: Path, name: str):
        """A start from an uncommitted change is refused, and the commit that it asks for is enough."""
        text = (root / name).read_text() + "\n# changed\n"
        (root / name).write_text(text)
        said = refused(root, lambda: make_loop(root).start(TAG))
        assert f"uncommitted changes in {name}; a run starts from a commit: " in said
        as_person(root)
        follow(root, said.removesuffix(", or git stash"))
        make_loop(root).start(TAG)
        assert (root / name).read_text() == text

    def test_tag_of_a_run_whose_branch_is_gone(self, started: Path):
        """The remedy brings the branch of a taken tag back before it goes there."""
        git(started, "switch", "-q", "main")
        git(started, "branch", "-q", "-D", f"autoresearch/{TAG}")
        said = refused(started, lambda: make_loop(started).start(TAG))
        follow(started, said.split(" && uv run")[0])
        assert git(started, "branch", "--show-current") == f"autoresearch/{TAG}"
        assert make_loop(started).workspace.current().run.tag == TAG

    def test_face_without_commit(self, root: Path):
        """A file of the face that git does not hold yet is refused with a remedy that adds it."""
        git(root, "rm", "-q", "--cached", "study.toml")
        commit(root, "study.toml forgotten")
        said = refused(root, lambda: make_loop(root).start(TAG))
        as_person(root)
        follow(root, said.removesuffix(", or git stash"))
        assert make_loop(root).start(TAG).trial

    def test_train_py_not_in_git(self, root: Path):
        """A train.py that git does not track is refused."""
        git(root, "rm", "-q", "--cached", "train.py")
        commit(root, "train.py forgotten")
        said = refused(root, lambda: make_loop(root).start(TAG))
        as_person(root)
        assert said.startswith("train.py is not in git")
        follow(root, said)
        make_loop(root).start(TAG)

    def test_other_changes_stay(self, root: Path):
        """Staged and unstaged changes of other files are nobody's business and survive."""
        (root / "notes.md").write_text("staged\n")
        git(root, "add", "notes.md")
        (root / "plan.md").write_text("unstaged\n")
        before = git(root, "status", "--porcelain")
        make_loop(root).start(TAG)
        assert git(root, "status", "--porcelain") == before == "M  notes.md\n M plan.md"

    def test_detached_head(self, root: Path):
        """A start from a detached HEAD makes the branch there."""
        git(root, "switch", "-q", "--detach")
        make_loop(root).start(TAG)
        assert git(root, "symbolic-ref", "HEAD") == f"refs/heads/autoresearch/{TAG}"
        settled(root)

    def test_no_commit_yet(self, tmp_path: Path, root: Path):
        """A repository without a commit is told to make one."""
        empty = tmp_path / "empty"
        empty.mkdir()
        git(empty, "init", "-q")
        (empty / "study.toml").write_text((root / "study.toml").read_text())
        (empty / "train.py").write_text(BASELINE)
        assert "has no commit yet" in refused(empty, lambda: make_loop(empty).start(TAG))

    def test_no_repository(self, tmp_path: Path, root: Path):
        """A folder outside any repository is told to make one."""
        (tmp_path / "study.toml").write_text((root / "study.toml").read_text())
        with pytest.raises(GitError, match=r"is in no git repository; .*git init"):
            open_workspace(tmp_path)

    def test_no_git(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        """Without git on PATH the message says so."""
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(GitError, match="git is not installed"):
            open_workspace(root)

    def test_no_study(self, tmp_path: Path):
        """Outside a study the message names the file that makes one."""
        with pytest.raises(StudyError, match=r"study\.toml: not found"):
            open_workspace(tmp_path)

    def test_branch_of_another_commit(self, root: Path):
        """A branch with the run's name that stands elsewhere makes the tag taken."""
        git(root, "branch", f"autoresearch/{TAG}")
        commit(root, "later")
        assert "is taken" in refused(root, lambda: make_loop(root).start(TAG))

    def test_branch_in_another_worktree(self, root: Path, tmp_path: Path):
        """A branch with the run's name that is checked out elsewhere is refused with the place."""
        other = tmp_path / "other"
        git(root, "worktree", "add", "-q", "-b", f"autoresearch/{TAG}", str(other))
        said = refused(root, lambda: make_loop(root).start(TAG))
        assert said == f"branch autoresearch/{TAG} is checked out in {other}; work there"

    @pytest.mark.parametrize("tag", ["", "-x", "a b", "a/b", "a..b", "x.lock", "x.", "ä", "x" * 61, "HEAD~1", "a\nb"])
    def test_tag_that_names_no_branch(self, root: Path, tag: str):
        """A tag that could not name a branch and a folder is refused with what may be used."""
        with pytest.raises(AutoresearchError, match="cannot name a branch; use 1 to 60 letters"):
            make_loop(root).start(tag)

    def test_second_run_from_the_first(self, started: Path):
        """A run can be started from another run's branch; the first one's record and view stay retrievable."""
        edit(started, 1)
        step(started)
        make_loop(started).start("u")
        assert (started / "results.tsv").read_text().count("\n") == 2
        history, notes = settled(started)
        assert notes == ()
        assert history.baseline.source == version(1)
        git(started, "switch", "-q", f"autoresearch/{TAG}")
        history, notes = settled(started)
        assert notes == ()
        assert len(history.trials) == 2


class TestBranch:
    def test_detached_head(self, started: Path):
        """A step on a detached HEAD is refused with the way back."""
        git(started, "switch", "-q", "--detach")
        edit(started, 1)
        said = refused(started, lambda: step(started))
        assert said.startswith("HEAD is detached, not on a run's branch")
        follow(started, said)
        assert label(step(started)) == "KEPT"

    def test_another_branch(self, started: Path):
        """A step on another branch is refused with the way back, and an unsettled trial waits for it."""
        edit(started, 1, OUTCOMES["discard"])
        command(started, "step", "decided").communicate(timeout=60)
        git(started, "switch", "-q", "main")
        said = refused(started, lambda: step(started))
        assert "HEAD is on branch main" in said
        follow(started, said)
        assert settled(started)[1] == ("repaired: trial 1 (discarded) is settled",)
        assert (started / "train.py").read_text() == BASELINE

    def test_no_run_yet(self, root: Path):
        """A step before any start says how to begin."""
        assert "there is no run yet; begin one with `autoresearch start TAG`" in refused(root, lambda: step(root))

    def test_run_branch_without_run(self, root: Path):
        """A branch that only looks like a run's is refused."""
        git(root, "switch", "-q", "-c", "autoresearch/x")
        with pytest.raises(AutoresearchError, match=r"the ledger has no run 'x'; .*`autoresearch start x`"):
            step(root)
        make_loop(root).start("x")

    def test_deleted_under_us(self, started: Path):
        """The checked-out branch deleted: the refusal brings it back to the incumbent, and the edit goes on."""
        edit(started, 1)
        step(started)
        git(started, "update-ref", "-d", f"refs/heads/autoresearch/{TAG}")
        edit(started, 2, "scores: 0.95")
        said = refused(started, lambda: step(started))
        assert f"branch autoresearch/{TAG} is gone; bring it back: git update-ref" in said
        follow(started, said)
        assert label(step(started)) == "KEPT"
        settled(started)

    def test_deleted_from_elsewhere(self, started: Path):
        """A run whose branch a person deleted while on main can be gone to all the same."""
        edit(started, 1)
        step(started)
        git(started, "switch", "-q", "main")
        git(started, "branch", "-q", "-D", f"autoresearch/{TAG}")
        follow(started, refused(started, lambda: step(started)))
        edit(started, 2, "scores: 0.95")
        assert label(step(started)) == "KEPT"
        settled(started)

    def test_deleted_before_a_keep_is_settled(self, started: Path):
        """The branch deleted between a kill and the repair: nothing is lost, and the way back is named."""
        edit(started, 1)
        command(started, "step", "decided").communicate(timeout=60)
        git(started, "update-ref", "-d", f"refs/heads/autoresearch/{TAG}")
        follow(started, refused(started, lambda: step(started)).split("; branch ")[1])
        settled(started)
        assert source_at(started, "HEAD") == version(1)

    @pytest.mark.parametrize("edited", [False, True], ids=["left", "edited"])
    def test_moved_back(self, started: Path, edited: bool):
        """A branch that a person reset to before a keep is refused, and the remedy loses neither commit nor edit."""
        as_person(started)
        edit(started, 1)
        step(started)
        git(started, "reset", "-q", "--hard", "HEAD~1")
        thought = commit(started, "a thought")
        text = edit(started, 2, "scores: 0.95") if edited else BASELINE
        said = refused(started, lambda: step(started))
        assert "the branch holds trial 0 (kept), the incumbent is trial 1" in said
        assert ("copy your edit of train.py away, then: git" in said) == edited
        follow(started, said)
        assert git(started, "merge-base", thought, "HEAD") == thought
        assert source_at(started, "HEAD") == (started / "train.py").read_text() == version(1)
        (started / "train.py").write_text(text if edited else version(3, "scores: 0.95"))
        assert label(step(started)) == "KEPT"
        settled(started)

    def test_moved_on(self, started: Path):
        """A person's commits of other files on the branch stay, and trials go on from them."""
        (started / "notes.md").write_text("a thought\n")
        head = commit(started, "a thought", "notes.md")
        edit(started, 1)
        assert label(step(started)) == "KEPT"
        assert git(started, "rev-parse", "HEAD^") == head
        assert git(started, "show", "HEAD:notes.md") == "a thought"
        settled(started)

    def test_moved_while_a_killed_keep_waits(self, started: Path):
        """A commit between a killed keep and its repair is left alone, told once, with a remedy that works."""
        as_person(started)
        edit(started, 1)
        command(started, "step", "decided").communicate(timeout=60)
        head = commit(started, "meanwhile")
        notes = make_loop(started).repair().notes
        assert "a person moved the branch meanwhile" in notes[0]
        assert git(started, "rev-parse", "HEAD") == head
        assert make_loop(started).repair().notes == ()
        follow(started, notes[0])
        assert git(started, "rev-parse", "HEAD^") == head
        edit(started, 2, "scores: 0.95")
        assert label(step(started)) == "KEPT"
        settled(started)

    @pytest.mark.parametrize("verdict", OUTCOMES)
    def test_switched_away_during_trial(self, started: Path, verdict: str):
        """A person who goes to another branch while a trial runs, and stages a train.py there, keeps all of it."""
        git(started, "branch", "side", "main")
        as_person(started)

        def during(_: str) -> None:
            git(started, "stash", "-q")
            git(started, "switch", "-q", "side")
            edit(started, 50)
            git(started, "add", "train.py")

        edit(started, 1, OUTCOMES[verdict])
        outcome = make_loop(started, scorer=FakeScorer(during=during)).step()
        assert outcome.trial
        assert outcome.trial.status == verdict
        assert git(started, "status", "--porcelain") == "M  train.py"
        assert source_at(started, "side") == BASELINE
        assert (started / "train.py").read_text() == version(50)
        git(started, "reset", "-q", "--hard")
        git(started, "switch", "-q", f"autoresearch/{TAG}")
        settled(started)

    def test_swap_compares(self, started: Path):
        """A branch is moved only from where it was seen, and made only where there is none."""
        repo = open_workspace(started).git
        ref, head = f"refs/heads/autoresearch/{TAG}", git(started, "rev-parse", "HEAD")
        new = commit(started, "a thought")
        for old in (head, plumbing.ABSENT):
            with pytest.raises(GitError, match=r"git update-ref: .*cannot lock ref"):
                repo.swap_ref(ref, head, old)
        assert git(started, "rev-parse", "HEAD") == new
        repo.swap_ref(ref, head, new)
        assert git(started, "rev-parse", "HEAD") == head


class TestUnfinished:
    @pytest.fixture
    def conflicted(self, started: Path) -> Path:
        """A run with a branch `side` whose plan.md conflicts with the run's."""
        git(started, "branch", "side")
        for text in ("one\n", "one more\n"):
            (started / "plan.md").write_text(text)
            commit(started, text, "plan.md")
        git(started, "switch", "-q", "side")
        (started / "plan.md").write_text("other\n")
        commit(started, "other", "plan.md")
        git(started, "switch", "-q", f"autoresearch/{TAG}")
        as_person(started)
        return started

    @pytest.mark.parametrize("what", ["merge", "cherry-pick", "revert"])
    def test_on_the_branch(self, conflicted: Path, what: str):
        """An unfinished merge or the like stops step and start, and is left exactly as it is."""
        git(conflicted, what, "HEAD~1" if what == "revert" else "side", check=False)
        state = git(conflicted, "status", "--porcelain")
        assert state
        edit(conflicted, 1)
        said = refused(conflicted, lambda: step(conflicted))
        assert f"a {what} is unfinished here" in said
        assert f"(git {what} --abort)" in said
        (conflicted / "train.py").write_text(BASELINE)
        refused(conflicted, lambda: make_loop(conflicted).start("u"))
        assert git(conflicted, "status", "--porcelain") == state
        git(conflicted, what, "--abort")
        edit(conflicted, 1)
        assert label(step(conflicted)) == "KEPT"

    def test_rebase(self, conflicted: Path):
        """An unfinished rebase detaches HEAD: the step is refused and nothing moves."""
        git(conflicted, "rebase", "side", check=False)
        refused(conflicted, lambda: step(conflicted))
        assert "a rebase is unfinished here" in refused(conflicted, lambda: make_loop(conflicted).start("u"))

    def test_bisect(self, started: Path):
        """An unfinished bisect is refused with git's own way out of it."""
        git(started, "bisect", "start")
        edit(started, 1)
        said = refused(started, lambda: step(started))
        assert "(git bisect reset)" in said


class TestFrozen:
    @pytest.mark.parametrize("name", ["study.toml", "prepare.py"])
    def test_edited_before(self, started: Path, name: str):
        """A frozen file edited between trials stops the run; the remedy puts it back."""
        (started / name).write_text((started / name).read_text() + "\n# changed\n")
        edit(started, 1)
        said = refused(started, lambda: step(started), AutoresearchError)
        assert f"{name} changed since the run started, and is frozen while it is live" in said
        git(started, *said[said.index("(git ") + 5 : said.index("), or")].split())
        assert label(step(started)) == "KEPT"

    @pytest.mark.parametrize("verdict", OUTCOMES)
    def test_edited_during(self, started: Path, verdict: str):
        """A frozen file edited while a trial ran voids it: no verdict, no move, train.py as it was."""
        path = started / "study.toml"
        original = path.read_text()
        text = edit(started, 1, OUTCOMES[verdict])
        scorer = FakeScorer(during=lambda _: path.write_text(original + "\n"))
        said = refused(started, make_loop(started, scorer=scorer).step, AutoresearchError)
        assert "study.toml changed since the run started" in said
        assert path.read_text() == original + "\n", "a person's edit is not put back behind their back"
        assert source_at(started, "HEAD") == BASELINE
        assert (started / "train.py").read_text() == text
        history, notes = settled(started)
        assert notes == ()
        assert history.trials[1].state is State.INTERRUPTED
        path.write_text(original)
        assert step(started).trial is not None

    def test_prepared_rows_changed(self, started: Path):
        """Training rows that were altered are refused; preparing again is the remedy."""
        table = started / "data" / "heart.parquet"
        table.write_text(table.read_text() + "1,1\n")
        edit(started, 1)
        said = refused(started, lambda: step(started), AutoresearchError)
        assert "data/heart.parquet changed since the run started" in said
        assert "uv run prepare.py" in said
        fake_prepare(started, open_workspace(started).study())
        assert label(step(started)) == "KEPT"

    def test_data_gone(self, started: Path):
        """Deleted prepared data is prepared again, to the same bytes."""
        for path in (started / "data").iterdir():
            path.unlink()
        edit(started, 1)
        assert label(step(started)) == "KEPT"

    def test_new_file_among_the_frozen(self, started: Path):
        """A frozen name that was absent at the start has no commit to come back from: no such remedy."""
        (started / "pyproject.toml").write_text("[project]\n")
        edit(started, 1)
        said = refused(started, lambda: step(started), AutoresearchError)
        assert "pyproject.toml changed since the run started" in said
        assert "git restore" not in said

    def test_hand_measuring_of_another_study_is_not_recorded(self, started: Path):
        """With a changed study.toml, `uv run train.py` measures but records nothing in the run."""
        path = started / "study.toml"
        path.write_text(path.read_text().replace("seed = 42", "seed = 43", 1))
        edit(started, 1)
        loop = make_loop(started)
        _, outcome = loop.measure(loop.workspace.study())
        assert "study.toml changed" in str(outcome)
        assert len(loop.workspace.current().trials) == 1


class TestResults:
    def test_edited(self, started: Path):
        """An edited results.tsv is rebuilt, the edited one is kept, and both are said."""
        edit(started, 1)
        step(started)
        view = started / "results.tsv"
        rebuilt = view.read_text()
        view.write_text(rebuilt.replace("0.9", "0.99"))
        notes = make_loop(started).repair().notes
        assert notes[0].startswith("repaired: results.tsv had been edited; rebuilt from the ledger")
        assert view.read_text() == rebuilt
        kept = started / notes[0].rsplit(" ", 1)[1]
        assert kept.read_text() == rebuilt.replace("0.9", "0.99")
        assert git(started, "status", "--porcelain") == ""
        assert settled(started)[1] == ()

    @pytest.mark.parametrize("trials", [0, 1])
    def test_deleted(self, started: Path, trials: int):
        """A deleted results.tsv is rebuilt from the ledger, and that is said."""
        for value in range(1, trials + 1):
            edit(started, value)
            step(started)
        before = (started / "results.tsv").read_text()
        (started / "results.tsv").unlink()
        history, notes = settled(started)
        assert notes == ("repaired: results.tsv was missing and is rebuilt from the ledger",)
        assert (started / "results.tsv").read_text() == before
        assert len(history.trials) == trials + 1

    @pytest.mark.parametrize("damage", ["", "half a li", "\xff"])
    def test_damaged(self, started: Path, damage: str):
        """A damaged results.tsv is treated as an edited one."""
        (started / "results.tsv").write_bytes(damage.encode("latin-1"))
        assert settled(started)[1][0].startswith("repaired: results.tsv had been edited")

    def test_edited_during_trial(self, started: Path):
        """A row that a person appends while a trial runs is kept aside and said."""
        view = started / "results.tsv"
        edit(started, 1)
        scorer = FakeScorer(during=lambda _: view.write_text(view.read_text() + "mine\n"))
        notes = make_loop(started, scorer=scorer).step().notes
        assert "results.tsv had been edited" in notes[0]
        assert settled(started)[1] == ()


class TestTrain:
    def test_not_utf_8(self, started: Path):
        """A train.py that is not UTF-8 is refused with the place, and left."""
        (started / "train.py").write_bytes(BASELINE.encode() + b"# caf\xe9\n")
        said = refused(started, lambda: step(started), AutoresearchError)
        assert said == f"train.py: byte {len(BASELINE) + 5} is not UTF-8; save it as UTF-8"

    def test_deleted(self, started: Path):
        """A deleted train.py is refused with the way to get it back."""
        (started / "train.py").unlink()
        said = refused(started, lambda: step(started))
        follow(started, said)
        assert (started / "train.py").read_text() == BASELINE

    def test_executable(self, root: Path):
        """An executable train.py stays one, in the branch and in the folder."""
        (root / "train.py").chmod(0o755)
        commit(root, "executable", "train.py")
        make_loop(root).start(TAG)
        for value, outcome in enumerate(OUTCOMES.values(), start=1):
            edit(root, value, outcome)
            step(root)
            assert git(root, "status", "--porcelain") == ""
            assert os.access(root / "train.py", os.X_OK)

    def test_syntax_error_is_a_version(self, started: Path):
        """A file that does not parse is measured like any other, and reverted."""
        (started / "train.py").write_text("def (:\n# crash: SyntaxError: no\n")
        assert label(step(started)) == "CRASHED"
        (started / "train.py").write_text("def (:\n# crash: SyntaxError: no\n")
        with pytest.raises(DuplicateError):
            step(started)


class TestMachine:
    @pytest.mark.parametrize("verdict", ["keep", "discard"])
    def test_stale_index_lock(self, started: Path, monkeypatch: pytest.MonkeyPatch, verdict: str):
        """A lock left by a git command that died stops only what needs the index; the verdict is safe."""
        monkeypatch.setattr(plumbing, "LOCK_PATIENCE", 0.2)
        lock = started / ".git" / "index.lock"
        lock.touch()
        edit(started, 1, OUTCOMES[verdict])
        if verdict == "discard":
            assert label(step(started)) == "DISCARDED"
            return
        with pytest.raises(GitError, match=rf"{lock} is held, or was left by a git command that died; .*delete it"):
            step(started)
        assert lock.exists(), "a lock is a person's to delete"
        lock.unlink()
        history, notes = settled(started)
        assert notes == ("repaired: trial 1 (kept) is settled",)
        assert history.incumbent.n == 1
        assert git(started, "status", "--porcelain") == ""

    def test_living_index_lock_is_waited_for(self, started: Path):
        """A git command that is at work on the index is waited for."""
        lock = started / ".git" / "index.lock"

        def during(_: str) -> None:
            lock.touch()
            subprocess.Popen(["sh", "-c", f"sleep 0.4; rm '{lock}'"])

        edit(started, 1)
        assert label(make_loop(started, scorer=FakeScorer(during=during)).step()) == "KEPT"
        settled(started)

    def test_stale_ref_lock(self, started: Path):
        """A branch's lock left by a git command that died is named with what to do about it."""
        lock = started / ".git" / "refs" / "heads" / "autoresearch" / f"{TAG}.lock"
        lock.touch()
        edit(started, 1)
        with pytest.raises(GitError, match=rf"{lock}.*if no git command is at work here, delete that file") as caught:
            step(started)
        assert "\n" not in str(caught.value)
        lock.unlink()
        assert settled(started)[1] == ("repaired: trial 1 (kept) is settled",)

    def test_hooks_and_signing_stay_out(self, root: Path, tmp_path: Path):
        """Hooks that refuse everything, and signing with a broken program, are a person's and never met by a run."""
        hooks = tmp_path / "hooks"
        hooks.mkdir()
        names = ("pre-commit", "commit-msg", "post-checkout", "reference-transaction", "post-index-change")
        for name in names:
            (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/met-{name}\nexit 1\n")
            (hooks / name).chmod(0o755)
        gpg = tmp_path / "gpg"
        gpg.write_text(BROKEN)
        gpg.chmod(0o755)
        settings = {"commit.gpgsign": "true", "tag.gpgsign": "true", "gpg.program": str(gpg), "user.signingkey": "x"}
        for key, value in (settings | {"core.hooksPath": str(hooks)}).items():
            git(root, "config", key, value)
        make_loop(root).start(TAG)
        for value, outcome in enumerate(OUTCOMES.values(), start=1):
            edit(root, value, outcome)
            step(root)
        make_loop(root).checkout(2)
        assert list(tmp_path.glob("met-*")) == []
        git(root, "config", "--unset", "core.hooksPath")
        settled(root)

    def test_hooks_in_their_usual_place(self, started: Path):
        """The same for hooks in .git/hooks."""
        hooks = started / ".git" / "hooks"
        hooks.mkdir(exist_ok=True)
        for name in ("pre-commit", "reference-transaction", "post-checkout"):
            (hooks / name).write_text(BROKEN)
            (hooks / name).chmod(0o755)
        edit(started, 1)
        assert label(step(started)) == "KEPT"

    def test_no_author(self, root: Path):
        """Where nobody told git who they are, a run's commits have an author of its own."""
        git(root, "config", "user.useConfigOnly", "true")
        make_loop(root).start(TAG)
        edit(root, 1)
        step(root)
        assert git(root, "log", "-1", "--format=%an <%ae>") == "autoresearch <autoresearch@localhost>"

    def test_persons_author(self, root: Path):
        """Where git knows the person, the commits are theirs."""
        as_person(root)
        make_loop(root).start(TAG)
        edit(root, 1)
        step(root)
        assert git(root, "log", "-1", "--format=%an") == "A Person"

    @pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
    def test_autocrlf(self, root: Path, ends: str):
        """With line ends that git rewrites, verdicts, checkout and hand-made commits work as without."""
        git(root, "config", "core.autocrlf", "true")
        for name in git(root, "ls-files").split():
            (root / name).unlink()
        git(root, "checkout", "-q", "--", ".")
        assert b"\r\n" in (root / "train.py").read_bytes()

        def write(value: int, outcome: str) -> None:
            (root / "train.py").write_bytes(version(value, outcome).replace("\n", ends).encode())

        make_loop(root).start(TAG)
        for value, outcome in enumerate(OUTCOMES.values(), start=1):
            write(value, outcome)
            step(root)
            assert git(root, "status", "--porcelain") == ""
        make_loop(root).checkout(0)
        make_loop(root).checkout(1)
        git(root, "switch", "-q", "main")
        git(root, "switch", "-q", f"autoresearch/{TAG}")
        make_loop(root).checkout(2)
        make_loop(root).checkout(1)
        write(9, "scores: 0.95")
        head = commit(root, "by hand", "train.py")
        loop = make_loop(root)
        _, outcome = loop.measure(loop.workspace.study())
        assert isinstance(outcome, Outcome)
        assert outcome.trial
        assert (outcome.trial.label, outcome.trial.commit) == ("KEPT", head)
        write(10, OUTCOMES["discard"])
        assert label(step(root)) == "DISCARDED"


class TestSubfolder:
    @pytest.fixture
    def nested(self, tmp_path: Path, root: Path) -> Path:
        """A study in a subfolder of a repository, beside another one with the same train.py."""
        toml, ignored = (root / "study.toml").read_text(), (root / ".gitignore").read_text()
        files = {"README.md": "top\n"}
        for name in ("a", "b"):
            files |= {f"{name}/study.toml": toml, f"{name}/train.py": BASELINE, f"{name}/.gitignore": ignored}
        return repository(tmp_path / "many", files) / "a"

    def test_whole_life(self, nested: Path):
        """Keep, discard, crash, kill and checkout touch the study's own train.py and nothing beside it."""
        top = nested.parent
        (top / "README.md").write_text("edited\n")
        make_loop(nested).start(TAG)
        for value, outcome in enumerate(OUTCOMES.values(), start=1):
            edit(nested, value, outcome)
            step(nested)
        edit(nested, 4, "scores: 0.95")
        command(nested, "step", "decided").communicate(timeout=60)
        history, _ = settled(nested)
        assert history.incumbent.n == 4
        assert git(top, "show", "HEAD:a/train.py") + "\n" == version(4, "scores: 0.95")
        assert git(top, "show", "HEAD:b/train.py") + "\n" == BASELINE
        assert git(top, "ls-tree", "--name-only", "HEAD").split() == ["README.md", "a", "b"]
        assert git(top, "status", "--porcelain") == " M README.md"
        make_loop(nested).checkout(1)
        assert (top / "b" / "train.py").read_text() == BASELINE

    def test_remedies_are_for_this_folder(self, nested: Path):
        """File names in remedies are those of the folder that one works in."""
        as_person(nested)
        edit(nested, 0, "scores: 0.8", "another baseline")
        said = refused(nested, lambda: make_loop(nested).start(TAG))
        assert "uncommitted changes in train.py;" in said
        follow(nested, said.removesuffix(", or git stash"))
        make_loop(nested).start(TAG)
        edit(nested, 1)
        step(nested)
        git(nested, "reset", "-q", "--hard", "HEAD~1")
        follow(nested, refused(nested, lambda: step(nested)))
        assert (nested / "train.py").read_text() == version(1)

    def test_other_study_keeps_out(self, nested: Path):
        """On the branch of one study's run, commands in another study's folder refuse, repair and write nothing."""
        other = nested.with_name("b")
        make_loop(nested).start(TAG)
        edit(nested, 1)
        command(nested, "step", "decided").communicate(timeout=60)
        edit(other, 2)
        said = refused(other, lambda: step(other))
        assert f"run '{TAG}' is over the study in a/" in said
        assert not (other / "results.tsv").exists()
        refused(other, lambda: make_loop(other).repair())
        (other / "train.py").write_text(BASELINE)
        make_loop(other).start("u")
        edit(other, 2)
        assert label(step(other)) == "KEPT"
        settled(other)
        git(nested, "stash", "-q")
        git(nested, "switch", "-q", f"autoresearch/{TAG}")
        assert settled(nested)[1] == ("repaired: trial 1 (kept) is settled",)
