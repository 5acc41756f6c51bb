"""The pack in the real coding client, with a scripted model and the real scorer."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from client import CLIENT, HOW, REPOSITORY, Person
from scripted_model import Call, Request, Script, ScriptedModel, Turn, bash

pytestmark = [
    pytest.mark.skipif(not CLIENT.exists(), reason=HOW),
    pytest.mark.timeout(300),
]
STEP = bash("uv run autoresearch step")
START = bash("uv run autoresearch start my-run")
STOP = bash("uv run autoresearch stop")
LINE = re.compile(r"^iter \d+ \| .*$", re.MULTILINE)
SOURCE = (REPOSITORY / "train.py").read_text(encoding="utf-8")
BASELINE = "return LogisticRegression(max_iter=1000)"
POOR = "from sklearn.dummy import DummyClassifier\n\n    return DummyClassifier()"
FULL = 985_000  # tokens, near the limit at which the client sums up
WHO = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
HYPOTHESIS = 'HYPOTHESIS = "baseline: scaled logistic regression"'


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    """Somebody who has just cloned the repository; their scorer ends with the test."""
    somebody = Person.arrive(tmp_path / "person")
    yield somebody
    somebody.engine("stop", check=False)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody who started a run in a terminal: no session of the client has a part in it yet."""
    somebody = Person.arrive(tmp_path_factory.mktemp("running") / "person")
    somebody.engine("start", "my-run")
    yield somebody
    somebody.engine("stop", check=False)


def read(person: Person, name: str) -> Call:
    """The model reads a file."""
    return Call("Read", {"file_path": str(person.clone / name)})


def edit(person: Person, old: str, new: str, file: str = "train.py") -> Call:
    """The model edits a file."""
    return Call("Edit", {"file_path": str(person.clone / file), "old_string": old, "new_string": new})


def write(person: Person, text: str, file: str = "train.py") -> Call:
    """The model writes a file."""
    return Call("Write", {"file_path": str(person.clone / file), "content": text})


def version(person: Person, **parameters: object) -> Call:
    """The model writes the baseline with other parameters."""
    given = ", ".join(f"{name}={value}" for name, value in parameters.items())
    source = SOURCE.replace(BASELINE, f"return LogisticRegression(max_iter=1000, {given})")
    return write(person, source.replace(HYPOTHESIS, f'HYPOTHESIS = "{given}"'))


def slow(person: Person) -> Call:
    """The model writes a version that takes its time."""
    source = SOURCE.replace("def build_pipeline():", "import time\n\n\ndef build_pipeline():\n    time.sleep(60)")
    return write(person, source.replace(HYPOTHESIS, 'HYPOTHESIS = "slow"'))


def setup(person: Person, start: Call = START) -> list[Turn]:
    """What every session does first."""
    return [read(person, "program.md"), read(person, "study.toml"), read(person, "train.py"), start]


def report(request: Request) -> Turn:
    """The model reports the line of the step, and so tries to end its turn."""
    return LINE.findall("\n".join(request.results))[-1]


def tree(request: Request) -> Turn:
    """The model reports the tree as it was printed."""
    return f"5 trials in 2 branches:\n{request.results[-1]}"


def reported(model: ScriptedModel) -> list[str]:
    """Lines that the model reported."""
    return [str(request.reply) for request in model.requests if str(request.reply).startswith("iter ")]


def rows(person: Person) -> list[list[str]]:
    """results.tsv without its header."""
    return [line.split("\t") for line in (person.clone / "results.tsv").read_text().splitlines()[1:]]


class TestLoop:
    """The loop in a session."""

    def test_my_run_keeps_discards_crashes_and_answers_a_duplicate(self, person: Person) -> None:
        """`/autoresearch my-run` on a fresh clone: branch, results.tsv and the reported lines are as they should be."""
        script: Script = [
            *setup(person),
            version(person, C=0.1), STEP, report,
            version(person, C=10.0), STEP, report,
            version(person, C=-1.0), STEP, report,
            version(person, C=10.0), STEP,
            version(person, C=0.09), STEP, report,
            version(person, C=0.07), STEP, report,
            STOP, "done",
        ]  # fmt: skip
        with ScriptedModel(script) as model:
            done = person.ask("/autoresearch my-run", model)
        assert done["result"] == "done"
        first, results = model.requests[0], ["\n".join(request.results) for request in model.requests]
        assert "The first word is the run's tag" in first.text
        assert "`my-run`" in first.text
        assert "# Program" in results[1]
        assert "budget: 0 of 100 iterations" in results[4]
        assert any("duplicate of trial 2, nothing was run. iter 2 | val_auc=" in result for result in results)
        assert person.run("git", "branch", "--show-current").strip() == "autoresearch/my-run"
        statuses = [row[4] for row in rows(person)]
        assert statuses[:4] == ["keep", "keep", "discard", "crash"]
        assert len(statuses) == 6
        lines = reported(model)
        assert lines == LINE.findall(person.engine("log"))[1:]
        assert lines[0].startswith("iter 1 | val_auc=0.")
        assert [line.split("|")[2].split("—")[0].strip() for line in lines[:3]] == ["KEPT", "DISCARDED", "CRASHED"]
        source = person.run("git", "show", "autoresearch/my-run:train.py")
        assert source == (person.clone / "train.py").read_text()
        blocks = [request.news for request in model.requests if "this session runs its loop" in request.news]
        assert len(blocks) == len(lines), "each report tried to end the turn, and the loop went on"

    def test_an_empty_argument_gives_a_tag_of_the_minute(self, person: Person) -> None:
        """`/autoresearch` alone tells the model a tag made of date and time."""
        with ScriptedModel(["done"]) as model:
            assert person.ask("/autoresearch", model)["result"] == "done"
        assert re.search(r"the tag is run-\d{8}-\d{4}\.", model.requests[0].text)

    @pytest.mark.slow
    def test_ten_attempts_to_end_are_followed_by_work_and_a_stop_ends(self, person: Person) -> None:
        """With steps in between the loop goes on, whatever the model says; after `stop` it ends at once."""
        script = [*setup(person)]
        for number in range(10):
            parameters = {"C": 0.5} if number == 5 else {"C": -1.0 - number}
            script += [version(person, **parameters), STEP, "I think that is enough."]
        with ScriptedModel([*script, STOP, "ended", "never asked"]) as model:
            done = person.ask("/autoresearch my-run", model)
        assert done["result"] == "ended"
        assert len(rows(person)) == 11
        assert sum("Next: edit train.py" in request.news for request in model.requests) == 10

    @pytest.mark.slow
    def test_three_attempts_without_a_step_end_it_with_a_notice(self, running: Person) -> None:
        """A session that resumed the run is kept three times; then it is let go, and stays free."""
        said = ["one", "two", "three", "four", "five"]
        with ScriptedModel([bash("uv run autoresearch resume"), *said]) as model:
            done = running.ask("go on with the run", model)
            again = running.ask("hello", model, "--continue")
        assert done["result"] == "four"
        assert again["result"] == "five"

    def test_an_ordinary_session_ends_when_it_wants(self, running: Person) -> None:
        """A session that never started or resumed the run is told of it, and is not kept."""
        with ScriptedModel(["hello"]) as model:
            assert running.ask("hello", model)["result"] == "hello"
        assert len(model.requests) == 1
        assert "this session did not start the run" in model.requests[0].text

    @pytest.mark.slow
    def test_a_killed_session_is_resumed_by_another(self, person: Person) -> None:
        """After a kill in mid-step `/autoresearch:resume` repairs, says so, and goes on from the right state."""
        with ScriptedModel([*setup(person), slow(person), STEP, "never"]) as model:
            process = person.begin("/autoresearch my-run", model)
            ref = "refs/autoresearch/my-run/1"
            deadline = time.monotonic() + 60
            while not person.run("git", "for-each-ref", ref):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.communicate()
        resume = bash("uv run autoresearch resume")
        script = [resume, read(person, "train.py"), version(person, C=0.2), STEP, report, STOP, "done"]
        with ScriptedModel(script) as model:
            assert person.ask("/autoresearch:resume", model)["result"] == "done"
        said = model.requests[1].results[0]
        assert "repaired: trial 1 was interrupted" in said
        assert "run 'my-run' is live" in said
        assert reported(model)[0].startswith("iter 2 | val_auc=0.")
        assert [row[5] for row in rows(person)] == ["baseline: scaled logistic regression", "C=0.2"]

    @pytest.mark.slow
    def test_a_compaction_in_mid_loop_is_followed_by_a_correct_step(self, person: Person) -> None:
        """When the conversation is full the client sums it up; from the injected state alone the next turn goes on."""
        full = dataclasses.replace(STEP, filled=FULL)
        script: Script = [
            *setup(person),
            version(person, C=0.1), full,
            "<analysis>short</analysis>\n<summary>worked on a table</summary>",
            read(person, "train.py"), version(person, C=10.0), STEP, report,
            STOP, "done",
        ]  # fmt: skip
        with ScriptedModel(script) as model:
            assert person.ask("/autoresearch my-run", model)["result"] == "done"
        (summed,) = [n for n, request in enumerate(model.requests) if "<summary>" in str(request.reply)]
        told = model.requests[summed + 1].text
        assert "budget: 0 of 100 iterations" not in told, "the conversation is gone, `start` and its answer with it"
        state = told[told.index("autoresearch run 'my-run' is live; 1 of 100") :]
        assert len(state) < 1500
        assert "best so far: val_auc=0." in state
        assert "iter 0 | val_auc=0." in state
        assert LINE.findall(model.requests[summed - 1].text)[-1][:80] in state
        assert "Next: you run this loop. Read train.py, edit it" in state
        assert reported(model)[0].startswith("iter 2 | val_auc=0.")

    @pytest.mark.slow
    def test_a_gain_too_large_is_looked_at_by_fresh_eyes(self, person: Person) -> None:
        """`review due` has a reviewer who knows the trial alone; its finding stays; a spent budget ends the loop."""
        study, train = person.clone / "study.toml", person.clone / "train.py"
        study.write_text(study.read_text().replace("iterations = 100", "iterations = 2"))
        train.write_text(SOURCE.replace(BASELINE, POOR))
        person.run("git", *WHO, "commit", "-qam", "a poor baseline")
        prompt = {"description": "review", "prompt": "1", "subagent_type": "leakage-reviewer"}
        finding = 'uv run autoresearch note 1 "review: plausible - the baseline ranked nothing"'
        script: Script = [
            *setup(person),
            version(person, C=0.1), STEP,
            Call("Agent", {**prompt, "run_in_background": False}),
            version(person, C=1e-9), STEP,
            bash("uv run autoresearch report"), "done",
        ]  # fmt: skip
        reviewer = [bash("uv run autoresearch show 1"), bash(finding), "plausible"]
        with ScriptedModel(script, {"You review one trial": reviewer}) as model:
            assert person.ask("/autoresearch my-run", model)["result"] == "done"
        results = ["\n".join(request.results) for request in model.asked()]
        assert "review due: trial 1: a gain beyond 4 SE" in results[6]
        first, second, *_ = model.asked("You review one trial")
        assert "# Program" not in first.text, "the reviewer does not know the conversation"
        assert "+    return LogisticRegression" in second.results[0]
        assert "its budget of 2 iterations is spent" in results[9]
        assert "review due" not in results[9], "the incumbent was looked at"
        assert json.loads(person.engine("status", "--json"))["reviews"][0]["text"].startswith("review: plausible")


ATTEMPTS = [
    "sed -i s/fraction/fractions/ study.toml",
    ".venv/bin/python -c \"open('prepare.py', 'w').write('x')\"",
    "echo x >> results.tsv",
    "git checkout HEAD~0 -- study.toml && git checkout main",
    "git update-ref refs/heads/autoresearch/my-run main",
    "rm -rf .git/autoresearch",
]
EVERY_TOOL = ("--allowedTools", "Bash,Edit,Write,Read")


class TestGuard:
    """The guard in a session; every tool is allowed, so that nothing but the guard is in the way."""

    def test_frozen_files_and_the_record_stay_as_they_are(self, running: Person) -> None:
        """Edit, Write and shell commands on them are refused with a reason, and not a byte changes."""
        names = ("prepare.py", "study.toml", "results.tsv", ".git/HEAD")
        before = {name: (running.clone / name).read_bytes() for name in names}
        refs = running.run("git", "for-each-ref")
        script: list[Turn] = [read(running, name) for name in ("prepare.py", "study.toml", "results.tsv")]
        script += [
            edit(running, "def main", "def other_main", "prepare.py"),
            write(running, "x", "study.toml"),
            write(running, "x", "results.tsv"),
            *(bash(command) for command in ATTEMPTS),
            "done",
        ]
        with ScriptedModel(script) as model:
            assert running.ask("tidy up", model, *EVERY_TOOL)["result"] == "done"
        reasons = ["\n".join(request.results) for request in model.requests[4:]]
        assert len(reasons) == 3 + len(ATTEMPTS)
        assert all("autoresearch: " in reason for reason in reasons), reasons
        assert "change train.py instead" in reasons[0]
        assert {name: (running.clone / name).read_bytes() for name in names} == before
        assert running.run("git", "for-each-ref") == refs

    def test_what_gets_past_the_guard_is_refused_by_the_next_step(self, running: Person) -> None:
        """A change that the guard cannot see stops the run, by the file's name, until it is put back."""
        hidden = ".venv/bin/python -c \"open('pre' + 'pare.py', 'a').write('# changed')\""
        back = "git restore --source=autoresearch/my-run prepare.py"
        script = [read(running, "train.py"), version(running, C=0.3), bash(hidden), STEP, bash(back), STEP, "done"]
        with ScriptedModel(script) as model:
            assert running.ask("try something", model, *EVERY_TOOL)["result"] == "done"
        assert "prepare.py changed since the run started" in model.requests[4].results[0]
        assert model.requests[6].results[0].startswith("iter 1 | val_auc=0.")

    def test_outside_a_run_files_are_a_persons_to_edit(self, person: Person) -> None:
        """Before a run starts prepare.py and study.toml can be edited; the sealed rows can never be read."""
        vault = person.folder / "home" / ".local" / "share" / "autoresearch" / "vault"
        vault.mkdir(parents=True)
        (vault / "holdout.parquet").write_text("the sealed rows")
        script = [
            read(person, "study.toml"),
            edit(person, "iterations = 100", "iterations = 7", "study.toml"),
            Call("Read", {"file_path": str(vault / "holdout.parquet")}),
            bash(f"cat {vault}/holdout.parquet"),
            "done",
        ]
        with ScriptedModel(script) as model:
            person.ask("fewer iterations", model, *EVERY_TOOL)
        assert "iterations = 7" in (person.clone / "study.toml").read_text()
        assert all("the sealed rows" not in request.text for request in model.requests)

    def test_without_its_environment_the_guard_refuses_on_a_runs_branch_only(self, running: Person) -> None:
        """A missing environment refuses calls while a run is on the branch, says the remedy, and lets it through."""
        environment = running.clone / ".venv"
        target = environment.readlink()
        environment.unlink()
        try:
            with ScriptedModel([bash("ls"), bash("uv sync"), "done"]) as model:
                running.ask("look around", model, *EVERY_TOOL)
            assert "run 'uv sync' first" in model.requests[1].results[0]
            assert "this stand-in only runs" in model.requests[2].results[0]
            running.run("git", "symbolic-ref", "HEAD", "refs/heads/main")
            with ScriptedModel([bash("ls"), "done"]) as model:
                running.ask("look around", model, *EVERY_TOOL)
            assert "train.py" in model.requests[1].results[0]
        finally:
            environment.symlink_to(target)
            running.run("git", "symbolic-ref", "HEAD", "refs/heads/autoresearch/my-run")


class TestPack:
    """What the client makes of the pack's files."""

    @pytest.mark.slow
    def test_the_tree_agent_drafts_improves_and_goes_back(self, person: Person) -> None:
        """Started as a subagent it follows `next` over real trials on two branches, and its own loop is kept going."""
        where = bash("uv run autoresearch next --policy greedy")
        prompt = {"description": "search", "prompt": "tag my-run", "subagent_type": "autoresearch-agent"}
        agent: Script = [
            *setup(person),
            where, version(person, C=0.1), STEP, report,
            where, version(person, C=-1.0), STEP,
            read(person, "train.py"), version(person, C=-2.0), STEP,
            read(person, "train.py"), version(person, C=-3.0), STEP,
            where, bash("uv run autoresearch checkout 0"),
            read(person, "train.py"), version(person, C=10.0), STEP,
            STOP, bash("uv run autoresearch tree"), tree,
        ]  # fmt: skip
        main: Script = [Call("Agent", {**prompt, "run_in_background": False}), "passed on"]
        with ScriptedModel(main, {"researcher who searches a tree": agent}) as model:
            assert person.ask("/autoresearch:tree my-run", model)["result"] == "passed on"
        asked = model.asked("researcher who searches a tree")
        proposed = [found for request in asked for found in request.results if found.startswith("next: ")]
        assert [found.splitlines()[0] for found in proposed] == [
            "next: draft a new approach (greedy)",
            "next: improve trial 1 (greedy)",
            "next: draft a new approach (greedy)",
        ]
        assert "trial 1, the incumbent, is exhausted after 3 trials without a gain" in proposed[2]
        told = str(asked[-1].reply)
        assert all(f"C={value}" in told for value in (0.1, -1.0, -2.0, -3.0, 10.0)), told
        assert any("this session runs its loop" in request.news for request in asked), "it was kept from ending early"
        assert "C=10.0" in model.asked()[-1].text, "the tree came back to who started the agent"
        nodes = json.loads(person.engine("tree", "--json"))["nodes"]
        assert [node["parent"] for node in nodes] == [None, 0, 1, 1, 1, 0]
        assert [node["branch"] for node in nodes] == [None, 1, 1, 1, 1, 5]

    @pytest.mark.slow
    def test_the_plugin_is_valid_and_guards_another_project(self, person: Person) -> None:
        """The strict validation passes; installed, commands and hooks work in a project without the pack."""
        plugin = person.folder / "plugin"
        plugin.mkdir()
        for name in (".claude", ".claude-plugin", "README.md"):
            copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
            copy(REPOSITORY / name, plugin / name)  # type: ignore[operator]
        person.run(str(CLIENT), "plugin", "validate", "--strict", str(plugin))
        person.run(str(CLIENT), "plugin", "marketplace", "add", str(plugin))
        person.run(str(CLIENT), "plugin", "install", "autoresearch@autoresearch")
        shutil.rmtree(person.clone / ".claude")
        script = [
            read(person, "prepare.py"),
            START,
            edit(person, "def main", "def other", "prepare.py"),
            "end",
            STOP,
            "done",
        ]
        with ScriptedModel(script) as model:
            assert person.ask("/autoresearch:autoresearch my-run", model, *EVERY_TOOL)["result"] == "done"
        assert "The first word is the run's tag" in model.requests[0].text
        assert "autoresearch: prepare.py" in model.requests[3].results[0]
        assert "this session runs its loop" in model.requests[4].news
