"""The night with the real coding client, before a scripted model: overload, a usage limit, a kill, budgets."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from client import CLIENT, HOW, REPOSITORY, Person
from scripted_model import Call, Failure, Request, Script, ScriptedModel, Turn, bash

from autoresearch.attempts import BACK_OFF, MARGIN, Limits, Move
from autoresearch.client import agree
from autoresearch.night import Night
from autoresearch.session import open_loop

pytestmark = [
    pytest.mark.skipif(not CLIENT.exists(), reason=HOW),
    pytest.mark.timeout(300),
]
STEP = bash("uv run autoresearch step")
OVERLOADED = Failure(529, "Overloaded")
SOURCE = (REPOSITORY / "train.py").read_text(encoding="utf-8")
BASELINE = "return LogisticRegression(max_iter=1000)"


class Bed:
    """Somebody's clone with a run in it, and the nights over it: what was said, slept and asked."""

    def __init__(self, person: Person) -> None:
        self.person, self.said, self.slept, self.seen = person, list[str](), list[float](), 0

    def version(self, **parameters: object) -> Turn:
        """The model writes the baseline with other parameters."""
        given = ", ".join(f"{name}={value}" for name, value in parameters.items())
        source = SOURCE.replace(BASELINE, f"return LogisticRegression(max_iter=1000, {given})")
        source = source.replace('"baseline: scaled logistic regression"', f'"{given}"')
        return Call("Write", {"file_path": str(self.person.clone / "train.py"), "content": source})

    @property
    def read(self) -> Turn:
        """The model reads train.py, which it has to before it writes it."""
        return Call("Read", {"file_path": str(self.person.clone / "train.py")})

    def night(self, model: ScriptedModel, **limits: float) -> Move:
        """One night; sleeping moves the clock instead of waiting."""
        self.said.clear()
        self.slept.clear()

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        def clock() -> float:
            return time.time() + sum(self.slept)

        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("ANTHROPIC", "CLAUDE"))]:
                patch.delenv(name)
            for name, value in self.person.environment.items():
                patch.setenv(name, value)
            patch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-test")  # limits are those of a subscription
            patch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")  # else the client itself waits for minutes
            patch.setenv("ANTHROPIC_BASE_URL", model.url)
            patch.chdir(self.person.clone)
            with open_loop() as loop:
                night = Night(loop, str(CLIENT), Limits(**limits), self.said.append, clock, sleep, poll=0.2)  # type: ignore[arg-type]
                return night.run("my-run")

    def states(self) -> list[str]:
        """The run's rows since the last call: their verdicts."""
        rows = [line.split("\t")[4] for line in (self.person.clone / "results.tsv").read_text().splitlines()[1:]]
        new, self.seen = rows[self.seen :], len(rows)
        return new


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A run that a person started, and nights over it, one after the other."""
    person = Person.arrive(tmp_path_factory.mktemp("night") / "person")
    person.engine("start", "my-run")
    found = Bed(person)
    found.states()
    yield found
    person.engine("stop", check=False)


def client_of(person: Person) -> psutil.Process:
    """The client that works in somebody's clone."""
    home = str(person.folder / "home")
    for process in psutil.Process().children(recursive=True):
        if process.name() == "claude" and process.environ().get("HOME") == home:
            return process
    raise AssertionError("no client is at work")


@pytest.mark.slow
def test_overload_and_a_usage_limit_are_waited_out_in_the_same_conversation(bed: Bed) -> None:
    """A 529 costs a back-off, a limit its time; then the conversation goes on, and the trials are made."""
    resets = int(time.time()) + 7200
    script: Script = [
        bash("uv run autoresearch status"),
        OVERLOADED,
        bed.read, bed.version(C=0.1), STEP,
        Failure.limit(resets),
        bed.version(C=-1.0), STEP, "never asked",
    ]  # fmt: skip
    with ScriptedModel(script) as model:
        move = bed.night(model, iterations=2)
    assert (move.well, move.why) == (True, "the night's budget of 2 iterations is spent")
    assert bed.states() == ["keep", "crash"]
    assert "unavailable: API Error: 529 Overloaded" in bed.said[1]
    assert "limit: You've hit your 5-hour limit" in bed.said[3]
    first = BACK_OFF["unavailable"][0]
    assert bed.slept[0] == first
    assert sum(bed.slept[1:]) + first + time.time() == pytest.approx(resets + MARGIN, abs=30)
    assert "Go on with the run `my-run`" in model.requests[2].text
    assert "run: my-run (live)" in model.requests[2].text, "it is the same conversation"
    assert "autoresearch run 'my-run' is live" in model.requests[0].text
    assert "Next: you run this loop" in model.requests[0].text


def test_a_killed_client_is_followed_by_another(bed: Bed) -> None:
    """After a kill between two steps the conversation is taken up again, and an edit that no trial has is not lost."""

    def killed(_: Request) -> Turn:
        os.kill(client_of(bed.person).pid, signal.SIGKILL)
        return "nobody hears this"

    script: Script = [bed.read, bed.version(C=0.2), killed, STEP, "never asked"]
    with ScriptedModel(script) as model:
        move = bed.night(model, iterations=1)
    assert move.well
    assert "the client ended with code -9" in bed.said[1]
    assert bed.slept == [BACK_OFF["crashed"][0]]
    assert len(bed.states()) == 1
    assert "C=0.2" in bed.person.engine("log")


@pytest.mark.slow
def test_a_turn_that_ends_early_is_kept_going_in_the_same_process(bed: Bed) -> None:
    """The conversation of the night owns the loop: an attempt to end its turn is answered with what comes next."""
    script: Script = [bed.read, bed.version(C=0.3), STEP, "Enough for today.", bed.version(C=-2.0), STEP, "never"]
    with ScriptedModel(script) as model:
        assert bed.night(model, iterations=2).well
    assert len(bed.states()) == 2
    assert "this session runs its loop" in model.requests[4].news
    assert not bed.slept
    assert sum(line.startswith("attempt ") for line in bed.said) == 1


@pytest.mark.slow
def test_what_needs_a_person_is_denied_and_a_reviewer_may_look(bed: Bed) -> None:
    """No Python, no write elsewhere, no audit, stop or resume; the reviewer reads the table and notes its finding."""
    elsewhere = bed.person.folder / "elsewhere.py"
    refused: list[Turn] = [
        bash("uv run train.py"),
        bash("python3 -c 'print(1)'"),
        bash("uv run autoresearch stop"),
        bash("uv run autoresearch resume"),
        bash("uv run autoresearch audit"),
        Call("Write", {"file_path": str(elsewhere), "content": "x"}),
    ]
    asked = {"description": "review", "subagent_type": "leakage-reviewer", "prompt": "0", "run_in_background": False}
    reviewer: Script = [
        bash("uv run autoresearch show 0"),
        bash("head -n 40 data/heart.json"),
        bash('uv run autoresearch note 0 "review: plausible - a baseline"'),
        "plausible",
    ]
    script: Script = [*refused, Call("Agent", asked), bed.read, bed.version(C=0.4), STEP, "never"]
    with ScriptedModel(script, {"You review one trial": reviewer}) as model:
        assert bed.night(model, iterations=1).well
    bed.states()
    answers = ["\n".join(request.results) for request in model.asked()[1 : len(refused) + 1]]
    assert "a person runs it, in a terminal" in answers.pop(4)
    assert [answer for answer in answers if "has been denied" not in answer] == []
    assert not elsewhere.exists()
    looked = model.asked("You review one trial")
    assert '"columns": 14' in looked[2].results[0]
    assert "review: plausible - a baseline" in bed.person.engine("show", "0")


def test_dollars_end_it_and_the_report_is_there(bed: Bed) -> None:
    """The client is given what is left and ends by itself when it is spent; the morning has its report."""
    look = [bash("uv run autoresearch status")] * 10
    with ScriptedModel(look, tokens=200) as model:
        move = bed.night(model, usd=0.01)
    assert (move.well, move.why.startswith("the night's budget of 0.01 USD is spent")) == (True, True), move
    assert len(model.requests) < len(look)
    assert bed.said[-2].startswith("report: ")
    assert "## The gain" in Path(bed.said[-2].removeprefix("report: ")).read_text()
    assert any(line.startswith("gain: ") for line in bed.said)


def test_the_command_works_with_consent_and_is_refused_without(bed: Bed) -> None:
    """As a person gives it: no terminal and no consent, no night; with it, the night, in a process of its own."""
    person = bed.person
    (person.folder / "bin" / "claude").unlink(missing_ok=True)
    (person.folder / "bin" / "claude").symlink_to(CLIENT)
    assert person.engine("night", "my-run", "--iterations", "1", check=False) == ""
    ledger = person.clone / ".git" / "autoresearch"
    agree(ledger, bed.said.append, lambda _: True)
    with ScriptedModel([bed.read, bed.version(C=0.6), STEP, "never"]) as model:
        said = person.engine("night", "my-run", "--iterations", "1", model=model)
    assert said.splitlines()[-1] == "the night is over: the night's budget of 1 iterations is spent"
    assert len(bed.states()) == 1
