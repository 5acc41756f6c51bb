"""The coding client, headless: where it is, what it may do, its command line, its process."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

from autoresearch.errors import AutoresearchError
from autoresearch.files import write_whole

__all__ = ["ALLOWED", "DENIED", "Client", "agree", "find", "prompt"]

ALLOWED = (
    "Edit(/train.py)",
    "Bash(uv run autoresearch step)",
    "Bash(uv run autoresearch status:*)",
    "Bash(uv run autoresearch log)",
    "Bash(uv run autoresearch insights)",
    "Bash(uv run autoresearch show:*)",
    "Bash(uv run autoresearch checkout:*)",
    "Bash(uv run autoresearch next:*)",
    "Bash(uv run autoresearch tree:*)",
    "Bash(uv run autoresearch note:*)",
    "Bash(uv run autoresearch report)",
    "Bash(uv run autoresearch doctor)",
    "Agent(leakage-reviewer)",
)
"""All that the client may do at night beyond reading the study's folder; whatever else it asks for is denied.

No interpreter is among them, nor `uv run train.py`, which runs the edited file without the scorer's confinement.
"""
DENIED = (
    "Bash(uv run autoresearch audit:*)",
    "Bash(uv run autoresearch resume:*)",
    "Bash(uv run autoresearch stop:*)",
    "Bash(uv run autoresearch night:*)",
)
"""What a person decides, whatever the settings of the client allow."""
GRACE = 20.0  # seconds that the client has to end by itself once it is asked to


def find() -> str:
    """The client's executable.

    Raises
    ------
    AutoresearchError
        It is not on PATH.
    """
    found = shutil.which("claude")
    if found is None:
        raise AutoresearchError("claude is not on PATH; install it: npm install -g @anthropic-ai/claude-code")
    return found


def agree(folder: Path, say: Callable[[str], None], ask: Callable[[str], bool] | None) -> None:
    """Have a person allow what the client may do unattended: once, and again whenever the list changes.

    Parameters
    ----------
    folder
        Where the consent is recorded.
    ask
        Puts a question to a person at a terminal; None where there is none.

    Raises
    ------
    AutoresearchError
        Nobody allowed it.
    """
    path = folder / "night-consent.json"
    wanted = {"allowed": list(ALLOWED), "denied": list(DENIED)}
    with suppress(OSError, ValueError):
        if json.loads(path.read_text(encoding="utf-8")) == wanted:
            return
    if ask is None:
        raise AutoresearchError(
            "nobody has allowed unattended work in this repository yet; "
            "give this command once in a terminal: it lists the permissions and asks"
        )
    say("At night the coding client may, without asking, read this folder and do the following, and nothing else:")
    for rule in ALLOWED:
        say(f"  {rule}")
    say(f"never: {', '.join(DENIED)}; allow rules of your own client settings hold as well")
    if not ask("Allow this?"):
        raise AutoresearchError("not allowed: nothing was started")
    write_whole(path, json.dumps(wanted, indent=1).encode())


def prompt(tag: str, *, again: bool) -> str:
    """What the client is told: at the beginning of a conversation, or to go on with one."""
    name = "night_again.md" if again else "night.md"
    text = resources.files("autoresearch").joinpath("prompts", name).read_text(encoding="utf-8")
    return text.replace("TAG", tag).strip()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a process that is started here be interrupted, which a shell's job in the background would not hand down."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class Client:
    """One attempt of the client at work.

    Parameters
    ----------
    process
        In a process group of its own.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    @staticmethod
    def command(executable: str, text: str, session: str, *, again: bool, usd: float | None) -> list[str]:
        """The command line: the one place that knows the client's options."""
        command = [executable, "-p", text, "--output-format", "stream-json", "--verbose"]
        command += ["--permission-mode", "dontAsk"]
        command += ["--resume" if again else "--session-id", session]
        if usd is not None:
            command += ["--max-budget-usd", f"{usd:.4f}"]
        return [*command, "--allowedTools", *ALLOWED, "--disallowedTools", *DENIED]

    @classmethod
    @contextmanager
    def at_work(cls, command: list[str], root: Path, out: Path, err: Path) -> Iterator["Client"]:
        """Start the client in `root`; when the block ends it has ended too, and what it said is in `out` and `err`."""
        with out.open("wb") as output, err.open("wb") as errors, _interruptible():
            process = subprocess.Popen(
                command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
            )
        client = cls(process)
        try:
            yield client
        finally:
            client.end()

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> int:
        """Interrupt it, which lets it tell its cost; kill what is left of its group. Gives its exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            self.wait(GRACE)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()
