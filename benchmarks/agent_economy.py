"""What the loop costs a coding agent: tool calls and tokens of tool output, counted in the requests of a session.

    python benchmarks/agent_economy.py [--iterations 12]

The real client (`python tests/client.py` installs it) runs `/autoresearch` before a scripted model, in its own clone.
The model's script is the command's own text followed to the letter; what is counted is what the tools answer.
Tokens are characters / 3.5, on the safe side for English and figures. Hooks are timed as the client calls them, in turn
with a Python that does nothing, which is the yardstick: on a busy machine both take longer.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from client import CLIENT, HOW, Person  # noqa: E402 - the tests' folder is no package
from scripted_model import Call, Request, Script, ScriptedModel, Turn, bash  # noqa: E402

CHARACTERS = 3.5  # of a token
BASELINE = "return LogisticRegression(max_iter=1000)"
HOOK_ROUNDS = 15
BARE = "`python -I -c pass`"
FREE = "any, where no run's branch is checked out"


def main() -> None:
    """Run the session and print its figures beside their aims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=12)
    options = parser.parse_args()
    if not CLIENT.exists():
        sys.exit(HOW)
    with tempfile.TemporaryDirectory(prefix="autoresearch-economy-") as folder:
        person = Person.arrive(Path(folder) / "person")
        setup, loop = session(person, options.iterations)
        hooks = hook_ms(person)
        person.engine("stop", check=False)
    steps = options.iterations
    calls = sum(len(request.results) for request in loop)
    tokens = sum(len(text) for request in loop for text in request.results) / CHARACTERS
    news = sum(len(request.news) for request in loop) / CHARACTERS
    print("what | figure | aim")
    print("-- | -- | --")
    print(f"tool calls of the setup | {sum(len(request.results) for request in setup)} | 6")
    print(f"tool calls per iteration | {calls / steps:.2f} | 2")
    print(f"tokens of tool output per iteration | {tokens / steps:.0f} | 300")
    print(f"of which answers of `step` | {step_tokens(loop) / steps:.0f} | ")
    print(f"with the client's own notes, of files that changed and the like | {news / steps:.0f} | ")
    print(f"iterations that failed to be one edit and one step | {refused(loop)} | 0")
    bare_wall, bare_cpu = hooks.pop(BARE)
    print(f"{BARE}, the yardstick | {bare_wall:.0f} ms ({bare_cpu:.0f} ms of CPU) | ")
    for name, (wall, cpu) in hooks.items():
        print(f"hook {name} | {wall:.0f} ms ({cpu:.0f} ms of CPU, {cpu / bare_cpu:.1f} x) | 150")
    longest = max((len(path.read_text().splitlines()), path.name) for path in faces())
    print(f"longest file that has to be read to take part ({longest[1]}) | {longest[0]} lines | 300")


def session(person: Person, iterations: int) -> tuple[list[Request], list[Request]]:
    """A scripted session; the requests that follow its setup calls, and those that follow its iterations."""
    train = person.clone / "train.py"
    source = train.read_text()

    def change(number: int) -> "Turn":
        """One Edit of the file as the model knows it: every second version is worse, so that it goes back."""
        value = 10.0 + number if number % 2 else 0.3 / (number + 1)
        now = train.read_text()
        body = next(line.strip() for line in now.splitlines() if "return LogisticRegression(" in line)
        new = BASELINE.replace(")", f", C={value:.3f})")
        return Call("Edit", {"file_path": str(train), "old_string": body, "new_string": new})

    reads: list[Turn] = [
        Call("Read", {"file_path": str(person.clone / name)}) for name in ("program.md", "study.toml", "train.py")
    ]
    script: Script = [
        *reads,
        bash("uv run autoresearch start economy"),
        *(
            turn
            for number in range(iterations)
            for turn in (lambda _, number=number: change(number), bash("uv run autoresearch step"))
        ),
        bash("uv run autoresearch stop"),
        "done",
    ]
    assert BASELINE in source
    with ScriptedModel(script) as model:
        done = person.ask("/autoresearch economy", model, seconds=600)
    assert done["result"] == "done", done
    begun = next(i for i, request in enumerate(model.requests) if "BASELINE" in "".join(request.results))
    return model.requests[: begun + 1], model.requests[begun + 1 : -1]


def step_tokens(loop: list[Request]) -> float:
    """Tokens of the answers of `step` alone."""
    return sum(len(text) for request in loop for text in request.results if text.startswith("iter ")) / CHARACTERS


def refused(loop: list[Request]) -> int:
    """Tool calls that were answered with an error."""
    return sum("error" in text for request in loop for text in request.results)


def hook_ms(person: Person) -> dict[str, tuple[float, float]]:
    """Median milliseconds of each hook on the run's branch: on the clock, and on the CPU with all its processes."""
    launch = str(person.clone / ".claude" / "hooks" / "launch")

    def hook(name: str, command: str = "", session: str = "s") -> tuple[list[str], str]:
        event = {
            "session_id": session,
            "cwd": str(person.clone),
            "tool_name": "Bash",
            "tool_input": {"command": command},
        }
        return ["sh", launch, name], json.dumps(event, separators=(",", ":"))

    person.engine("resume")
    elsewhere = person.folder / "elsewhere"
    person.run("git", "init", "-q", str(elsewhere))
    claim = hook("claim", "uv run autoresearch resume", "owner")
    calls = {
        BARE: ([str(person.clone / ".venv" / "bin" / "python"), "-I", "-c", "pass"], ""),
        FREE: hook("guard", "sed -n 1,20p train.py"),
        "guard, before an edit or a command": hook("guard", "sed -n 1,20p train.py"),
        "guard, before `step`": hook("guard", "uv run autoresearch step"),
        "claim, after a command": hook("claim", "uv run autoresearch step"),
        "claim, after `start` or `resume`": claim,
        "stop, in the session that runs the loop": hook("stop", session="owner"),
        "stop, in any other": hook("stop"),
        "brief": hook("brief"),
    }
    walls: dict[str, list[float]] = {name: [] for name in calls}
    used: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(HOOK_ROUNDS):
        for name, (command, event) in calls.items():
            project = elsewhere if name == FREE else person.clone
            environment = {**person.environment, "CLAUDE_PROJECT_DIR": str(project)}
            before, started = cpu_s(), time.perf_counter()
            subprocess.run(command, input=event, env=environment, text=True, capture_output=True, check=True)
            walls[name].append(1000 * (time.perf_counter() - started))
            used[name].append(1000 * (cpu_s() - before))
    return {name: (statistics.median(walls[name]), statistics.median(used[name])) for name in calls}


def cpu_s() -> float:
    """Seconds of CPU that this process's children have used."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def faces() -> list[Path]:
    """Files that a newcomer reads: the face, and the pack's own texts."""
    named = [ROOT / name for name in ("program.md", "prepare.py", "train.py", "study.toml", "AGENTS.md")]
    return [*named, *(ROOT / ".claude").rglob("*.md")]


if __name__ == "__main__":
    main()
