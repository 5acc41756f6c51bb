"""The real coding client, pinned, in a repository of its own with a home of its own, before a scripted model.

`python tests/client.py` installs it into the user's cache folder; where it is absent the tests for it are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from scripted_model import ScriptedModel

VERSION = "2.1.329"
PACKAGE = f"@anthropic-ai/claude-code@{VERSION}"
FOLDER = Path(os.environ.get("AUTORESEARCH_CLIENT") or user_cache_path("autoresearch-tests") / f"client-{VERSION}")
CLIENT = FOLDER / "node_modules" / ".bin" / "claude"
REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = Path(sys.prefix)
HOW = f"the client is not installed; `python {Path(__file__).name}` in tests/ brings {PACKAGE}"
PACK = ("AGENTS.md", "program.md", "prepare.py", "study.toml", "pyproject.toml", "train.py", ".gitignore")


def install() -> None:
    """Install the client where it is absent, with npm."""
    if not CLIENT.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-fund", "--no-audit", "--loglevel=error")
        subprocess.run(["npm", "install", *quiet, "--prefix", str(FOLDER), PACKAGE], check=True)


@dataclass(frozen=True)
class Person:
    """Somebody with a clone of this repository, a home without settings, and `uv` on the path.

    Parameters
    ----------
    folder
        Where home, clone and tools lie.
    """

    folder: Path

    @property
    def clone(self) -> Path:
        """The repository, the client's project."""
        return self.folder / "clone"

    @property
    def environment(self) -> dict[str, str]:
        """All that the client sees of this machine."""
        paths = [str(self.folder / "bin"), str(Path(shutil.which("git") or "git").parent), "/usr/bin", "/bin"]
        return {
            "PATH": ":".join(dict.fromkeys(paths)),
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", str(self.folder / "matplotlib")),
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    @classmethod
    def arrive(cls, folder: Path) -> "Person":
        """Make the clone, the home that trusts it, and a `uv` that uses this very environment."""
        person = cls(folder)
        for name in ("home", "bin"):
            (folder / name).mkdir(parents=True)
        trusted = {"projects": {str(person.clone): {"hasTrustDialogAccepted": True}}}
        (folder / "home" / ".claude.json").write_text(json.dumps(trusted))
        uv = folder / "bin" / "uv"
        shutil.copy(Path(__file__).with_name("uv_stand_in.sh"), uv)
        uv.chmod(0o755)
        person.clone.mkdir()
        for name in PACK:
            shutil.copy(REPOSITORY / name, person.clone / name)
        shutil.copytree(
            REPOSITORY / ".claude",
            person.clone / ".claude",
            ignore=shutil.ignore_patterns("settings.local.json", "worktrees"),
        )
        (person.clone / ".venv").symlink_to(ENVIRONMENT)
        with (person.clone / ".gitignore").open("a") as file:
            file.write("/.venv\n")
        who = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
        for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-q", "-m", "the study")):
            person.run("git", *command)
        return person

    def run(self, *command: str, check: bool = True, model: ScriptedModel | None = None) -> str:
        """Run a command as the person does, without a terminal, before a model where one is given; what it printed."""
        done = subprocess.run(
            command,
            cwd=self.clone,
            env=self.environment if model is None else self.before(model),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def engine(self, *arguments: str, check: bool = True, model: ScriptedModel | None = None) -> str:
        """Run a verb."""
        return self.run("uv", "run", "autoresearch", *arguments, check=check, model=model)

    def before(self, model: ScriptedModel) -> dict[str, str]:
        """The environment in which the client asks `model`."""
        return {**self.environment, "ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": model.url}

    def begin(self, prompt: str, model: ScriptedModel, *options: str) -> "subprocess.Popen[str]":
        """Give the client a prompt, without a terminal."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [CLIENT, "-p", prompt, "--output-format", "json", *options],
            cwd=self.clone,
            env=self.before(model),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def ask(self, prompt: str, model: ScriptedModel, *options: str, seconds: float = 240) -> dict[str, Any]:
        """Give the client a prompt and wait for its end; its closing message."""
        process = self.begin(prompt, model, *options)
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            process.kill()
        assert out, f"the client said nothing: {err}"
        found: dict[str, Any] = json.loads(out)
        return found


if __name__ == "__main__":
    install()
