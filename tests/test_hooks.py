"""Hooks beside the guard: who is kept going, what a session is told, and how the launcher fails."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import TAG, edit, git, make_loop
from platformdirs import user_data_path

from autoresearch import checks, lines, status
from autoresearch.errors import RunOverError
from autoresearch.history import History
from autoresearch.hooks import brief, state, stop, tally
from autoresearch.hooks.events import Event, Watch
from autoresearch.hooks.standing import Standing
from autoresearch.run import Review
from autoresearch.trial import State, Trial, Verdict

REPOSITORY = Path(__file__).resolve().parents[1]
LAUNCH = REPOSITORY / ".claude" / "hooks" / "launch"
ME = Event(session="me")
MINE = Watch("me")


@pytest.fixture
def history(started: Path) -> History:
    """A live run with its baseline."""
    loop = make_loop(started)
    found = loop.workspace.current()
    loop.workspace.ledger.close()
    return found


def longer(history: History, *trials: Trial, **run: object) -> History:
    """The history with further trials, and changes of its run."""
    return History(dataclasses.replace(history.run, **run), [*history.trials, *trials])  # type: ignore[arg-type]


def standing(history: History, ended: str | None = None) -> Standing:
    """Where the run of a history stands, as hooks see it."""
    return Standing(
        tag=history.run.tag,
        ended=history.run.ended or ended,
        used=history.used_iterations,
        iterations=history.run.study.budget.iterations,
        made=len(history.iterations),
        failures=history.failures_in_a_row(),
        parent=history.parent.n,
        metric=history.metric,
        baseline=history.baseline,
        incumbent=history.incumbent,
        last=history.iterations[-brief.LAST :],
    )


def failed(history: History, n: int) -> Trial:
    """A crashed trial."""
    return dataclasses.replace(history.baseline, n=n, state=State.CRASHED, verdict=None, score=None, scores=())


class TestStop:
    """Whose turn may end."""

    def test_the_session_that_runs_the_loop_is_kept_going(self, history: History) -> None:
        """The reason names the run, the incumbent, the budget and what comes next."""
        answer = stop.decide(ME, MINE, standing(history))
        for part in (f"'{TAG}'", "0 of 100 iterations", lines.best(history), "uv run autoresearch step"):
            assert part in answer.block

    @pytest.mark.parametrize(
        ("event", "watch", "ended"),
        [
            (ME, None, None),
            (ME, Watch("somebody else"), None),
            (ME, MINE, "a person stopped it"),
            (ME, Watch("me", released=True), None),
            (ME, Watch("me", agent="a1"), None),
            (Event(session="me", agent="a1"), MINE, None),
        ],
    )
    def test_any_other_session_ends_when_it_wants(
        self, history: History, event: Event, watch: Watch | None, ended: str | None
    ) -> None:
        """A session without a part in the run, a subagent of another's, and an ended run let the turn end."""
        answer = stop.decide(event, watch, standing(history, ended))
        assert (answer.block, answer.notice) == ("", "")

    def test_without_a_run_the_turn_ends(self) -> None:
        """On no run's branch nothing is kept going."""
        assert not stop.decide(ME, MINE, None).block

    def test_three_blocks_without_a_step_are_the_last(self, history: History) -> None:
        """The fourth attempt without a step in between is let go with a notice; the session is free then."""
        watch: Watch | None = MINE
        for _ in range(stop.MOST_BLOCKS):
            answer = stop.decide(ME, watch, standing(history))
            assert answer.block
            watch = answer.watch
        answer = stop.decide(ME, watch, standing(history))
        assert not answer.block
        assert "3 reminders without a step" in answer.notice
        assert stop.decide(ME, answer.watch, standing(history)) == stop.Answer(answer.watch)

    def test_a_step_starts_the_count_anew(self, history: History) -> None:
        """With a step between, attempts to end are answered for ever."""
        watch: Watch | None = MINE
        for n in range(1, 20):
            history = longer(history, dataclasses.replace(history.baseline, n=n, verdict=Verdict.DISCARD))
            answer = stop.decide(ME, watch, standing(history))
            assert answer.block
            watch = answer.watch

    def test_ten_crashes_in_a_row_end_it(self, history: History) -> None:
        """Nine crashes are kept going, ten are a broken environment."""
        nine = longer(history, *(failed(history, n) for n in range(1, 10)))
        assert stop.decide(ME, MINE, standing(nine)).block
        answer = stop.decide(ME, MINE, standing(longer(nine, failed(history, 10))))
        assert "10 crashes in a row" in answer.notice


class TestBrief:
    """What a session is told."""

    @pytest.mark.parametrize("hypothesis", ["h" * 400, "short"])
    def test_it_is_short_and_names_what_matters(self, history: History, hypothesis: str) -> None:
        """Tag, incumbent, last results and next action fit into 1,500 characters, whatever the trials are called."""
        trials = [
            dataclasses.replace(
                history.baseline, n=n, verdict=Verdict.DISCARD, delta=0.0, delta_se=0.1, hypothesis=hypothesis
            )
            for n in range(1, 30)
        ]
        told = brief.text(ME, MINE, standing(longer(history, *trials)))
        assert len(told) < brief.MOST
        assert f"'{TAG}' is live; 29 of 100" in told
        assert "best so far: " in told
        assert "iter 29 | " in told
        assert "iter 24 | " not in told
        assert told.endswith("everything but train.py is frozen.")

    def test_a_gain_is_told_without_a_slow_import(self, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
        """The gain has its wording, and no interval, which would take a library that a hook has no time for."""
        monkeypatch.setitem(sys.modules, "scipy", None)
        monkeypatch.setitem(sys.modules, "scipy.special", None)
        better = tuple(tuple(score + 0.01 for score in repeat) for repeat in history.baseline.scores)
        kept = dataclasses.replace(history.baseline, n=1, scores=better)
        told = brief.text(ME, MINE, standing(longer(history, kept)))
        assert "validation gain, optimistic: +0.0100" in told

    def test_another_session_is_told_to_leave_it(self, history: History) -> None:
        """A session that did not start the run is told so, and how to take it over."""
        told = brief.text(Event(session="other"), MINE, standing(history))
        assert "Next: nothing unless you are asked" in told
        assert "/autoresearch:resume" in told

    def test_an_ended_run_is_said_to_have_ended(self, history: History) -> None:
        """The reason of the end is told, and no next step."""
        told = brief.text(ME, MINE, standing(history, "its budget of 100 iterations is spent"))
        assert "has ended: its budget of 100 iterations is spent" in told
        assert "step" not in told.splitlines()[-1]


class TestReviewDue:
    """When `step` asks for fresh eyes."""

    @pytest.mark.parametrize(
        ("delta", "se", "due"),
        [(0.05, 0.01, True), (0.05, 0.0126, False), (0.039, 0.001, False), (0.041, 0.001, True), (-0.3, 0.001, False)],
    )
    def test_a_gain_beyond_both_bounds_is_to_be_reviewed(
        self, history: History, delta: float, se: float, due: bool
    ) -> None:
        """It takes four standard errors and a fifth of what was left: 0.04 from a baseline of 0.8."""
        trial = dataclasses.replace(
            history.baseline, n=1, score=0.8 + delta, delta=delta, delta_se=se, verdict=Verdict.KEEP
        )
        found = lines.review_due(longer(history, trial), trial)
        assert (found is not None) == due
        if found:
            assert found.startswith("review due: trial 1: a gain beyond 4 SE, ")

    def test_the_end_of_a_run_that_gained_is_to_be_reviewed(self, history: History) -> None:
        """Before a run is declared done its incumbent is; a run that kept nothing has nothing to review."""
        kept = dataclasses.replace(history.baseline, n=1, delta=0.01, delta_se=0.01)
        late = dataclasses.replace(history.baseline, n=2, delta=0.0, delta_se=0.01, verdict=Verdict.DISCARD)
        done = longer(history, kept, late, ended="its budget is spent")
        assert lines.review_due(done, late) == (
            "review due: trial 1, before the run is declared done; have leakage-reviewer look"
        )
        assert lines.review_due(longer(history, late, ended="its budget is spent"), late) is None

    def test_a_finding_on_the_incumbent_is_all_it_takes(self, history: History) -> None:
        """At the end nobody looks a second time; a note that is no review does not count."""
        kept = dataclasses.replace(history.baseline, n=1, delta=0.01, delta_se=0.01)
        done = longer(history, kept, ended="its budget is spent")
        for n, text, due in ((1, "review: plausible - small", False), (1, "a lesson", True), (0, "review: leak", True)):
            found = dataclasses.replace(done, reviews=[Review(TAG, n, 0.0, text)])
            assert (lines.last_review_due(found) is not None) == due

    def test_whoever_asks_after_the_end_is_told(self, started: Path) -> None:
        """Status and the refusal of a step say that the incumbent was not looked at, until it was."""
        edit(started, 1)
        loop = make_loop(started)
        loop.step()
        loop.stop()
        edit(started, 2)
        for due in (True, False):
            with pytest.raises(RunOverError) as refused:
                loop.step()
            assert ("review due: trial 1" in str(refused.value)) == due
            assert ("review due: trial 1" in status.as_text(loop.workspace.summary(5))) == due
            loop.workspace.ledger.add_review(Review(TAG, 1, 0.0, "review: plausible - as expected"))
        loop.workspace.ledger.close()

    def test_step_prints_it(self, started: Path) -> None:
        """The line stands among what is needed next."""
        edit(started, 1, "scores: 0.95")
        outcome = make_loop(started).step()
        assert outcome.trial
        assert any(line.startswith("review due: trial 1") for line in lines.next_steps(outcome.history, outcome.trial))


def test_resuming_a_live_run_keeps_its_budget(started: Path) -> None:
    """A run that is live goes on under the budget it has: nobody refreshes it in passing."""
    edit(started, 1)
    make_loop(started).step()
    history = make_loop(started).resume().history
    assert history.used_iterations == 1


# The launcher, as the client calls it


def launch(
    root: Path, hook: str, event: dict[str, Any] | str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Call the launcher with an event, in the project's folder."""
    return subprocess.run(
        ["sh", LAUNCH, hook],
        input=event if isinstance(event, str) else json.dumps(event, separators=(",", ":")),
        cwd=root,
        env={**os.environ, "CLAUDE_PROJECT_DIR": str(root), "UV_PROJECT_ENVIRONMENT": sys.prefix, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def shell(root: Path, command: str, session: str = "me") -> dict[str, Any]:
    """The event of a shell command."""
    return {"session_id": session, "cwd": str(root), "tool_name": "Bash", "tool_input": {"command": command}}


class TestLauncher:
    """The guard fails closed where a run is, and nowhere else."""

    def test_a_refusal_reaches_the_client(self, started: Path) -> None:
        """On a live run's branch a change of a frozen file is denied with its name; after the end it is free."""
        event = shell(started, "sed -i s/a/b/ study.toml")
        answer = json.loads(launch(started, "guard", event).stdout)["hookSpecificOutput"]
        assert answer["permissionDecision"] == "deny"
        assert answer["permissionDecisionReason"].startswith("autoresearch: study.toml: it is frozen")
        make_loop(started).stop()
        assert launch(started, "guard", event).stdout == ""

    def test_outside_a_run_it_says_nothing_and_leaves_nothing(self, root: Path) -> None:
        """On another branch every hook is silent, and no ledger appears."""
        for hook in ("guard", "claim", "stop", "brief"):
            done = launch(root, hook, shell(root, "rm -f study.toml"))
            assert (done.returncode, done.stdout) == (0, "")
        assert not (root / ".git" / "autoresearch").exists()

    @pytest.mark.parametrize("raw", ["", "no JSON", "[]"])
    def test_an_unreadable_event_is_refused_on_a_runs_branch(self, started: Path, root: Path, raw: str) -> None:
        """A guard that fails blocks the call where a run is; elsewhere the session goes on."""
        assert launch(started, "guard", raw).returncode == 2
        assert launch(root, "guard", raw).returncode == 0

    def test_a_missing_environment_refuses_all_but_its_remedy(self, started: Path, root: Path) -> None:
        """Without an environment calls are refused on a run's branch, `uv sync` passes, other branches are free."""
        gone = {"UV_PROJECT_ENVIRONMENT": str(started / "gone")}
        assert launch(started, "guard", shell(started, "ls"), **gone).returncode == 2
        assert launch(started, "guard", shell(started, "uv sync; rm x"), **gone).returncode == 2
        assert launch(started, "guard", shell(started, "uv sync"), **gone).returncode == 0
        assert launch(started, "stop", {}, **gone).returncode == 0
        assert launch(root, "guard", shell(root, "ls"), **gone).returncode == 0

    def test_a_planted_module_is_not_imported(self, started: Path) -> None:
        """A `json.py` in the project, where hooks run, is not what the guard imports."""
        (started / "json.py").write_text("raise SystemExit(0)")
        done = launch(started, "guard", shell(started, "rm study.toml"))
        assert '"deny"' in done.stdout

    def test_the_session_that_resumes_is_kept_and_no_other(self, started: Path) -> None:
        """It is noted who resumed; Stop blocks that session alone, until the run ends."""
        launch(started, "claim", shell(started, "uv run autoresearch resume"))
        mine = launch(started, "stop", {"session_id": "me", "cwd": str(started)})
        assert json.loads(mine.stdout)["decision"] == "block"
        assert launch(started, "stop", {"session_id": "other", "cwd": str(started)}).stdout == ""
        make_loop(started).stop()
        assert launch(started, "stop", {"session_id": "me", "cwd": str(started)}).stdout == ""

    def test_a_command_that_was_only_asked_for_makes_nobody_the_owner(self, started: Path) -> None:
        """Before the command has worked, and after the start of another run, the session is an ordinary one."""
        launch(started, "guard", shell(started, "uv run autoresearch resume"))
        launch(started, "claim", shell(started, "uv run autoresearch start another"))
        launch(started, "claim", shell(started, "uv run autoresearch status"))
        assert launch(started, "stop", {"session_id": "me", "cwd": str(started)}).stdout == ""

    def test_a_spent_budget_lets_go_before_anybody_wrote_it_down(self, started: Path) -> None:
        """Hours that ran out between steps end the loop as well."""
        loop = make_loop(started)
        loop.workspace.ledger.update_run(TAG, resumed=0.0)
        loop.workspace.ledger.close()
        launch(started, "claim", shell(started, f"uv run autoresearch start {TAG}"))
        assert launch(started, "stop", {"session_id": "me", "cwd": str(started)}).stdout == ""

    def test_a_session_is_briefed(self, started: Path) -> None:
        """SessionStart gets the state as additional context."""
        done = launch(started, "brief", {"session_id": "me", "cwd": str(started), "source": "compact"})
        told = json.loads(done.stdout)["hookSpecificOutput"]
        assert told["hookEventName"] == "SessionStart"
        assert f"autoresearch run '{TAG}' is live" in told["additionalContext"]

    def test_a_plugin_leaves_the_work_to_the_projects_own_pack(self, started: Path) -> None:
        """Where the project has the pack, the plugin's copy of the launcher says nothing."""
        event = shell(started, "rm study.toml")
        assert launch(started, "guard", event, CLAUDE_PLUGIN_ROOT="/plugin").stdout
        (started / ".claude" / "hooks").mkdir(parents=True)
        (started / ".claude" / "hooks" / "launch").write_text("")
        assert launch(started, "guard", event, CLAUDE_PLUGIN_ROOT="/plugin").stdout == ""

    def test_a_step_is_let_through_without_starting_python(self, started: Path) -> None:
        """The loop's own command costs no more than a shell, whatever the environment; nothing else passes with it."""
        gone = {"UV_PROJECT_ENVIRONMENT": str(started / "gone")}
        assert launch(started, "guard", shell(started, "uv run autoresearch step"), **gone).returncode == 0
        for more in ("uv run autoresearch step; rm study.toml", 'echo "uv run autoresearch step"'):
            assert launch(started, "guard", shell(started, more), **gone).returncode == 2

    def test_a_run_is_guarded_in_a_worktree_and_after_its_branch_was_deleted(
        self, started: Path, tmp_path: Path
    ) -> None:
        """Wherever HEAD is on the run's branch, the run is live: the ledger says so, not the branch's ref."""
        git(started, "checkout", "-q", "main")
        other = tmp_path / "other"
        git(started, "worktree", "add", "-q", str(other), f"autoresearch/{TAG}")
        assert "deny" in launch(other, "guard", shell(other, "rm study.toml")).stdout
        assert "deny" in launch(other, "guard", shell(other, f"rm {started}/.git/HEAD")).stdout
        git(other, "update-ref", "-d", f"refs/heads/autoresearch/{TAG}")
        assert "deny" in launch(other, "guard", shell(other, "rm study.toml")).stdout

    def test_another_worktree_on_main_is_free(self, started: Path, tmp_path: Path) -> None:
        """A run guards the worktree on whose branch it is, not the repository."""
        other = tmp_path / "other"
        git(started, "worktree", "add", "-q", str(other), "main")
        assert launch(other, "guard", shell(other, "rm study.toml")).stdout == ""


def here(root: Path, tag: str = TAG) -> state.Here:
    """What git says of a repository, as the launcher hands it on."""
    return state.Here(tag, str(root / ".git"), str(root / ".git"), str(root))


class TestTally:
    """What hooks read for themselves, because the ledger's own module takes too long to import."""

    def test_it_says_what_the_history_says(self, started: Path) -> None:
        """After keeps, discards, crashes and an interruption every figure and every trial told of is the history's."""
        steps = ["scores: 0.85", "scores: 0.6", "crash: ValueError: no", "timeout: slow", "scores: 0.9", "crash: no"]
        for number, outcome in enumerate(steps, 1):
            edit(started, number, outcome)
            loop = make_loop(started)
            loop.step()
            loop.workspace.ledger.close()
            assert self.told(started) == self.recorded(started)
        loop = make_loop(started)
        loop.workspace.ledger.update_trial(loop.workspace.current().trials[-1], state=State.INTERRUPTED)
        loop.workspace.ledger.close()
        assert self.told(started) == self.recorded(started)
        make_loop(started).stop()
        assert self.told(started) == self.recorded(started)
        make_loop(started).resume()
        assert self.told(started) == self.recorded(started)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"bound": 0.7}, "SUSPICIOUS: trial 1 scored 0.8500, beyond the bound of 0.7000"),
            ({"resumed": 0.0}, "its budget of 8 hours is spent"),
            ({"bound": 0.7, "resumed_n": 1}, None),
        ],
    )
    def test_it_knows_why_a_run_is_to_end(self, started: Path, changes: dict[str, Any], why: str | None) -> None:
        """A score beyond the bound and a spent budget are the same ends as the loop's own."""
        edit(started, 1, "scores: 0.85")
        loop = make_loop(started)
        loop.step()
        loop.workspace.ledger.update_run(TAG, **changes)
        ended = checks.ending(loop.workspace.current(), time.time())
        loop.workspace.ledger.close()
        at = tally.read(here(started), time.time(), 1)
        assert at
        assert at.ended == ended
        assert (ended is None) if why is None else str(ended).startswith(why)

    def test_a_branch_that_is_only_called_like_a_runs_has_none(self, started: Path) -> None:
        """There is nothing to tell of a run that the ledger does not know."""
        assert tally.read(here(started, "other"), time.time(), 1) is None

    def told(self, root: Path) -> list[Any]:
        """What the tally says of a run, trials without their texts."""
        at = tally.read(here(root), time.time(), brief.LAST)
        assert at
        return self.figures(at)

    def recorded(self, root: Path) -> list[Any]:
        """What the history says of it."""
        loop = make_loop(root)
        history = loop.workspace.current()
        loop.workspace.ledger.close()
        return self.figures(standing(history, checks.ending(history, time.time())))

    def figures(self, at: Any) -> list[Any]:
        """All that hooks use of a standing."""
        names = ("tag", "ended", "used", "iterations", "made", "failures", "parent", "metric")
        return [
            lines.best(at),
            *(lines.iteration(at, trial) for trial in at.last),
            *(getattr(at, name) for name in names),
            at.baseline.scores,
            at.incumbent.scores,
        ]


def test_the_vault_is_among_the_places(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the platform's library puts sealed rows, by itself or as told, the guard keeps them."""
    run = here(started).run()
    assert run
    assert str(user_data_path("autoresearch").resolve()) in here(started).places(run).folders
    monkeypatch.setenv("XDG_DATA_HOME", str(started / "elsewhere"))
    assert str(user_data_path("autoresearch").resolve()) in here(started).places(run).folders


def test_the_guard_imports_no_more_than_it_needs() -> None:
    """It is asked before every edit and shell command; these libraries take longer to import than it to answer."""
    script = "import autoresearch.hooks.__main__, autoresearch.hooks.guard, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    slow = {"dataclasses", "inspect", "typing", "pathlib", "subprocess", "platformdirs", "autoresearch.history"}
    assert not slow & set(done.stdout.split())


def test_pure_hooks_touch_nothing() -> None:
    """What decides imports neither files nor processes; only `state`, `tally` and `__main__` do."""
    folder = REPOSITORY / "src" / "autoresearch" / "hooks"
    for name in ("guard", "programs", "gitrules", "places", "shell", "stop", "brief", "events", "standing"):
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        for system in (
            "import os\n",
            "subprocess",
            "pathlib",
            "sqlite3",
            "import time",
            "open(",
            "ledger import",
            "state import",
            "tally import",
        ):
            assert system not in text, f"{name}: {system}"
