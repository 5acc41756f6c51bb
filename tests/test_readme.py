"""The README's commands, run as printed on a clean clone by somebody who has git and Python alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sklego.datasets import load_hearts

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line for line in BLOCKS[0].splitlines() if line and not line.startswith("#")]
OWN = re.compile(r"my\.csv|my_pipeline\.py")
INLINE = re.findall(r"`(uv run [^`]+)`", README)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A clean clone, and an environment with git and Python but without uv, an author, a cache or a home."""
    folder = tmp_path_factory.mktemp("stranger")
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(folder / "clone")], check=True)
    tools = folder / "bin"
    tools.mkdir()
    for name in ("git", "bash", "sh", "env", "uname"):
        (tools / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} here"))
    (tools / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
    environment = kept | {"PATH": str(tools), "HOME": str(folder / "home"), "UV_CACHE_DIR": str(folder / "cache")}
    (folder / "home").mkdir()
    return folder / "clone", environment | {"UV_PYTHON_DOWNLOADS": "never", "LANG": "C.UTF-8"}


def run(command: str, place: tuple[Path, dict[str, str]], **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command line as printed."""
    clone, environment = place
    return subprocess.run(
        ["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True, check=False, **options
    )  # type: ignore[call-overload,no-any-return]


@pytest.mark.timeout(900)
def test_the_first_command_brings_uv_and_runs_the_loop(stranger: tuple[Path, dict[str, str]]) -> None:
    """On a machine without uv the first command leaves a branch, results.tsv, a report and a summary."""
    clone, environment = stranger
    assert shutil.which("uv", path=environment["PATH"]) is None
    done = run(COMMANDS[0], stranger)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "gain: " in done.stdout
    assert len((clone / "results.tsv").read_text().splitlines()) == 14
    branches = run("git branch --list 'autoresearch/search-*'", stranger).stdout.split()
    assert len(branches) == 2  # the star and the name
    tag = branches[1].removeprefix("autoresearch/")
    assert {"report.md", "progress.png"} <= {path.name for path in (clone / "runs" / tag).iterdir()}
    assert not run("git status --porcelain", stranger).stdout


@pytest.mark.timeout(900)
def test_every_other_command_does_what_it_says(stranger: tuple[Path, dict[str, str]]) -> None:
    """Each `uv run ...` of the text is accepted in that clone; the audit refuses without a terminal."""
    assert {command.split()[2] for command in INLINE} >= {"train.py", "prepare.py", "autoresearch"}
    for command in [command for command in INLINE if not OWN.search(command)]:
        if command.endswith("demo"):
            continue  # two minutes, in the nightly run: tests/test_demo.py
        done = run(f".uv/bin/{command}", stranger, stdin=subprocess.DEVNULL)
        if command.endswith("audit"):
            assert "terminal" in done.stderr
        else:
            assert done.returncode == 0, f"{command}: {done.stderr[-1000:]}"
    run(".uv/bin/uv run autoresearch stop", stranger)


@pytest.mark.timeout(900)
def test_ones_own_table_and_script_take_one_command_each(stranger: tuple[Path, dict[str, str]]) -> None:
    """What the text says of my.csv and my_pipeline.py works with such files, on the branch where a person is."""
    clone, environment = stranger
    run("git switch -q -c home HEAD && git reset -q --hard origin/HEAD", stranger)
    rows = load_hearts(as_frame=True).assign(churn=lambda table: table["target"].map({0: "stays", 1: "leaves"}))
    rows.drop(columns="target").to_csv(clone / "my.csv", index=False)
    rows.drop(columns="churn").to_csv(clone / "heart.csv", index=False)
    shutil.copy(REPOSITORY / "tests" / "pipelines" / "heart_binary.py", clone / "my_pipeline.py")
    author = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    mine = [command for command in INLINE if OWN.search(command)]
    assert {OWN.search(command)[0] for command in mine} == {"my.csv", "my_pipeline.py"}  # type: ignore[index]
    for command in mine:
        run("git switch -q home", stranger)
        done = run(f".uv/bin/{command}", (clone, environment | author), stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{command}: {done.stderr[-1000:]}"
        if "prepare.py" not in command:
            assert "gain: " in done.stdout
            run(".uv/bin/uv run autoresearch stop", stranger)


def test_the_test_command_is_what_ci_runs() -> None:
    """CI takes the second command from the README, word for word."""
    assert COMMANDS[1].endswith("uv run pytest")
    assert r"s/^\(.*\buv run pytest\)$/\1/p" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    """Every relative link of the markdown at the root and in docs/ names a file that is there."""
    for page in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
