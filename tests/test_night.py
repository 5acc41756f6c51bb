"""The night: a scripted client at work on a real repository, through overload, limits, kills and budgets."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import BASELINE, TAG, FakeScorer, git, make_loop, settled
from support import always, call

from autoresearch.attempts import BACK_OFF, CRASHES, MARGIN, TURNS, Limits, Move
from autoresearch.client import ALLOWED, DENIED, agree, find, prompt
from autoresearch.errors import AutoresearchError, GitError, RunOverError
from autoresearch.history import History
from autoresearch.hooks import state
from autoresearch.hooks.events import Watch
from autoresearch.night import Night
from autoresearch.trial import State

HERE = Path(__file__).parent
OVERLOADED = {"result": {"is_error": True, "api_error_status": 529, "result": "API Error: 529 Overloaded"}}
END = {"steps": ["keep"], "stop": True}
Action = dict[str, Any]


class Clock:
    """A clock that sleeping moves, and looking at it while the client hangs."""

    def __init__(self, now: float, hanging: Path) -> None:
        self.now, self.pace, self.slept, self.hanging = now, 0.0, list[float](), hanging

    def __call__(self) -> float:
        self.now += self.pace * self.hanging.exists()
        return self.now

    def sleep(self, seconds: float) -> None:
        """Sleep without waiting."""
        self.slept.append(seconds)
        self.now += seconds


class Bed:
    """A night over one study: the script of its client, and what came of it."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder, self.said = root, folder, list[str]()
        history = make_loop(root).workspace
        runs = history.ledger.runs()
        self.clock = Clock(runs[0].resumed if runs else 1e9, folder / "hanging")

    def script(self, *actions: Action) -> None:
        """What the client does, call by call; the last action again and again."""
        (self.folder / "script.json").write_text(json.dumps(actions))

    def night(self, *actions: Action, **limits: Any) -> Move:
        """The night with a client that follows `actions`."""
        self.script(*actions)
        loop = make_loop(self.root, clock=self.clock)
        client = str(self.folder / "bin" / "claude")
        night = Night(loop, client, Limits(**limits), self.said.append, self.clock, self.clock.sleep, poll=0.02)
        return night.run(TAG)

    @property
    def calls(self) -> list[list[str]]:
        """The command lines that the client was called with."""
        path = self.folder / "calls.json"
        return json.loads(path.read_text()) if path.exists() else []

    @property
    def sessions(self) -> list[tuple[str, str]]:
        """How each call named its conversation, and the name."""
        found = []
        for words in self.calls:
            option = "--resume" if "--resume" in words else "--session-id"
            found.append((option, words[words.index(option) + 1]))
        return found

    @property
    def history(self) -> History:
        """The run afterwards."""
        return settled(self.root)[0]


@pytest.fixture
def make_bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Bed]:
    """Makes nights over a study, with the scripted client on PATH."""
    folder = tmp_path / "client"
    (folder / "bin").mkdir(parents=True)
    executable = folder / "bin" / "claude"
    executable.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / "fake_client.py"} "$@"\n')
    executable.chmod(0o755)
    monkeypatch.setenv("FAKE_CLIENT", str(folder))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return lambda root: Bed(root, folder)


@pytest.fixture
def bed(started: Path, make_bed: Callable[[Path], Bed]) -> Bed:
    """A night over a run that has begun."""
    return make_bed(started)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A night in this process leaves its signals as they were."""
    names = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.getsignal(name) for name in names]
    yield
    for name, handler in zip(names, before, strict=True):
        signal.signal(name, handler)


class TestThroughTrouble:
    def test_ends_with_the_run_and_leaves_the_report(self, bed: Bed):
        """A client that works until the run ends: one attempt, the claim in honest words, the report's path."""
        move = bed.night({"steps": ["keep", "discard"], "stop": True})
        assert (move.well, move.why) == (True, "the run has ended: the client's test ends here")
        assert len(bed.calls) == 1
        assert any(line.startswith("gain: validation gain, optimistic") for line in bed.said)
        path = Path(bed.said[-2].removeprefix("report: "))
        assert path.name == "report.md"
        assert "## The gain" in path.read_text()
        assert len(bed.history.iterations) == 3

    def test_overload_is_waited_out_in_the_same_conversation(self, bed: Bed):
        """After two 529s the conversation is resumed, later each time."""
        assert bed.night(OVERLOADED, OVERLOADED, END).well
        assert bed.clock.slept == [30.0, 60.0]
        assert [option for option, _ in bed.sessions] == ["--session-id", "--resume", "--resume"]
        assert len({session for _, session in bed.sessions}) == 1

    def test_usage_limit_is_waited_out_to_its_reset(self, bed: Bed):
        """A usage limit that says when it ends is slept through until a minute after that."""
        then = int(bed.clock.now) + 7200
        said = {"is_error": True, "api_error_status": 429, "result": f"Claude AI usage limit reached|{then}"}
        assert bed.night({"result": said}, END).well
        assert bed.clock.now == pytest.approx(then + MARGIN, abs=60)
        assert bed.sessions[1] == ("--resume", bed.sessions[0][1])

    def test_killed_in_mid_step_goes_on(self, bed: Bed):
        """A client killed while its trial ran is resumed; the trial is interrupted, the next one made."""
        assert bed.night({"steps": ["keep"], "killed": "ref"}, END).well
        history = bed.history
        assert [trial.state for trial in history.trials[1:]] == [State.INTERRUPTED, State.COMPLETE]
        assert bed.clock.slept == [BACK_OFF["crashed"][0]]
        assert bed.sessions[1] == ("--resume", bed.sessions[0][1])
        assert "code -9" in bed.said[1]

    def test_lost_conversation_begins_afresh_from_the_ledger(self, bed: Bed):
        """A conversation that is not there any more is replaced; the fresh one is sent to the record."""
        assert bed.night({"steps": ["keep"]}, {"err": "No conversation found with session ID: 1", "code": 1}, END).well
        options = [option for option, _ in bed.sessions]
        assert options == ["--session-id", "--resume", "--session-id"]
        assert bed.sessions[2][1] != bed.sessions[0][1]
        assert "uv run autoresearch log" in bed.calls[2][1]

    def test_the_conversation_at_work_is_kept_by_the_stop_hook_until_the_morning(self, bed: Bed):
        """The hooks know who runs the loop while the client works; in the morning the conversation is free."""
        owners = []
        ledger = str(bed.root / ".git" / "autoresearch")

        def poll() -> float:
            if watch := state.watch(ledger, TAG):
                owners.append((watch.session, watch.released))
            return bed.clock.now

        bed.script({"steps": ["keep"]}, END)
        client = str(bed.folder / "bin" / "claude")
        night = Night(make_loop(bed.root), client, Limits(), bed.said.append, poll, bed.clock.sleep, 0.02)
        night.run(TAG)
        assert (bed.sessions[0][1], False) in owners
        assert state.watch(ledger, TAG) == Watch("", released=True)

    def test_login_ends_it_at_once(self, bed: Bed):
        """A client that is not logged in is not called a second time; the report is there all the same."""
        move = bed.night({"err": "Invalid API key · Please run /login", "code": 1})
        assert (move.well, len(bed.calls)) == (False, 1)
        assert "log in" in move.why
        assert any(line.startswith("report: ") for line in bed.said)

    def test_turns_without_a_trial_end_it(self, bed: Bed):
        """A client that ends its turn again and again without a trial ends the night, and what was denied is said."""
        denied = {"permission_denials": [{"tool_name": "Bash", "tool_input": {"command": "pip install x"}}]}
        move = bed.night({"result": denied})
        assert (move.well, len(bed.calls)) == (False, TURNS)
        assert "pip install x" in move.why
        assert len({session for _, session in bed.sessions}) == TURNS

    def test_crashes_without_a_trial_end_it(self, bed: Bed):
        """A client that always crashes is given up at last."""
        move = bed.night({"err": "Segmentation fault", "code": 139})
        assert (move.well, len(bed.calls)) == (False, CRASHES)

    def test_stop_ends_a_wait(self, bed: Bed):
        """A person's stop while a limit is waited out ends the night, without another call."""
        sleep = bed.clock.sleep

        def sleep_and_stop(seconds: float) -> None:
            sleep(seconds)
            make_loop(bed.root).stop()

        bed.clock.sleep = sleep_and_stop  # type: ignore[method-assign]
        move = bed.night(OVERLOADED)
        assert (move.well, len(bed.calls)) == (True, 1)
        assert move.why == "the run has ended: a person stopped it"


class TestBudgets:
    def test_iterations_are_counted_from_the_ledger(self, bed: Bed):
        """The night ends once so many trials were made in it, even within a turn of the client."""
        bed.night({"steps": ["keep"]}, iterations=1)
        bed.said.clear()
        move = bed.night({"steps": ["discard"] * 2, "hang": 60}, iterations=2)
        assert "2 iterations is spent" in move.why
        assert len(bed.history.iterations) == 4
        assert bed.history.run.ended is None, "the run may be gone on with tomorrow"

    def test_dollars_are_the_conversations_totals(self, bed: Bed):
        """A resumed conversation tells its total, a fresh one its own; the rest is handed on to the client."""
        turn = {"steps": ["discard"], "result": {"total_cost_usd": 0.4}}
        lost = {"err": "No conversation found with session ID: 1", "code": 1}
        move = bed.night(turn, turn, lost, {"steps": ["discard"], "result": {"total_cost_usd": 0.7}}, usd=1.0)
        assert "1 USD is spent (1.10)" in move.why
        left = [words[words.index("--max-budget-usd") + 1] for words in bed.calls]
        assert left == ["1.0000", "0.6000", "0.6000", "0.6000"]

    @pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
    def test_hours_end_a_client_at_work(self, bed: Bed, handler: Any):
        """When the time is over the client is interrupted, and tells its cost; in a job that ignores Ctrl-C as well."""
        signal.signal(signal.SIGINT, handler)
        bed.clock.pace = 30.0
        move = bed.night({"hang": 60, "result": {"total_cost_usd": 0.3}}, hours=0.2)
        assert move.why == "the night's time is over"
        assert any("0.30 USD" in line for line in bed.said)
        assert signal.getsignal(signal.SIGINT) is handler

    def test_the_runs_own_hours_bound_the_night(self, bed: Bed):
        """Without hours of its own, and with more than the run has, the night ends with the run's budget."""
        bed.clock.pace = 600.0
        assert "budget of 8 hours is spent" in bed.night({"hang": 60}, hours=20).why


class TestBeginning:
    def test_starts_the_run(self, root: Path, make_bed: Callable[[Path], Bed]):
        """Under a new tag the run is started first, and its baseline said."""
        bed = make_bed(root)
        assert bed.night(END).well
        assert "BASELINE" in bed.said[0]
        assert git(root, "branch", "--show-current") == f"autoresearch/{TAG}"

    def test_refuses_an_ended_run(self, bed: Bed):
        """A run that has ended is gone on with by a person's resume alone."""
        make_loop(bed.root).stop()
        with pytest.raises(RunOverError, match="a person goes on with it by `autoresearch resume`"):
            bed.night(END)
        assert bed.calls == []

    def test_refuses_another_branch(self, bed: Bed):
        """A run that is not checked out is not worked on; the way to it is named."""
        git(bed.root, "switch", "-q", "main")
        with pytest.raises(GitError, match=f"go there: git switch autoresearch/{TAG}"):
            bed.night(END)

    def test_unmeasured_edit_is_said_in_the_morning(self, bed: Bed):
        """An edit that the night's end left without a trial is not thrown away, and said."""
        (bed.root / "train.py").write_text(BASELINE + "\nX = 1\n")
        bed.night({"err": "Not logged in", "code": 1})
        assert any("holds an edit that no trial has" in line for line in bed.said)

    def test_command_line_is_narrow(self, bed: Bed):
        """The client may edit train.py and call the loop's verbs; whatever needs a person is denied by name."""
        bed.night(END)
        words = bed.calls[0]
        assert words[words.index("--permission-mode") + 1] == "dontAsk"
        allowed = words[words.index("--allowedTools") + 1 : words.index("--disallowedTools")]
        assert tuple(allowed) == ALLOWED
        assert tuple(words[words.index("--disallowedTools") + 1 :]) == DENIED
        assert not any("dangerously" in word for word in words)
        others = {"Edit(/train.py)", "Agent(leakage-reviewer)"}
        assert all(rule in others or rule.startswith("Bash(uv run autoresearch ") for rule in ALLOWED)


class TestConsent:
    def test_is_asked_once(self, tmp_path: Path):
        """A person sees every rule and agrees once; later nights do not ask."""
        said, asked = list[str](), list[str]()

        def yes(question: str) -> bool:
            asked.append(question)
            return True

        for _ in range(2):
            agree(tmp_path, said.append, yes)
        agree(tmp_path, said.append, None)
        assert len(asked) == 1
        assert all(any(rule in line for line in said) for rule in (*ALLOWED, *DENIED))

    def test_is_asked_again_when_the_rules_change(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """Consent holds for the very rules it was given for."""
        agree(tmp_path, lambda _: None, lambda _: True)
        monkeypatch.setattr("autoresearch.client.ALLOWED", (*ALLOWED, "Bash(rm:*)"))
        with pytest.raises(AutoresearchError, match="nobody has allowed"):
            agree(tmp_path, lambda _: None, None)

    def test_no_is_no(self, tmp_path: Path):
        """Without a yes nothing is recorded."""
        with pytest.raises(AutoresearchError, match="nothing was started"):
            agree(tmp_path, lambda _: None, lambda _: False)
        assert list(tmp_path.iterdir()) == []


class TestCommand:
    def test_without_a_terminal_and_consent_it_refuses(self, bed: Bed):
        """Nobody there and nothing allowed: one line with the remedy, and the client is not called."""
        bed.script(END)
        said = call(bed.root, "night", TAG, make=always(FakeScorer()))
        assert (said.code, bed.calls) == (1, [])
        assert "give this command once in a terminal" in said.err

    def test_with_consent_it_works(self, bed: Bed):
        """With recorded consent the whole night runs from the command line, and an early end is an error."""
        bed.script(END)
        agree(make_loop(bed.root).workspace.ledger.folder, lambda _: None, lambda _: True)
        said = call(bed.root, "night", TAG, "--iterations", "5", make=always(FakeScorer()))
        assert said.code == 0, said.err
        assert said.lines[-1] == "the night is over: the run has ended: the client's test ends here"
        make_loop(bed.root).resume()
        bed.script({"err": "Not logged in", "code": 1})
        said = call(bed.root, "night", TAG, make=always(FakeScorer()))
        assert said.code == 1
        assert "the night ended early" in said.err

    def test_without_a_client_it_says_how_to_get_one(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """A machine without the client gets the command that installs it."""
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(AutoresearchError, match="npm install -g @anthropic-ai/claude-code"):
            find()


def test_prompts_name_the_run_and_the_canonical_text():
    """Both prompts say which run, and point to program.md instead of repeating it."""
    for again in (False, True):
        text = prompt("my-run", again=again)
        assert "`my-run`" in text
        assert "program.md" in text
        assert "TAG" not in text
