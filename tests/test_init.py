"""`autoresearch init`: face and pack come into a repository of one's own, and nothing that is there is overwritten."""

import json
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from fakes import git
from hypothesis import given
from hypothesis import strategies as st
from support import REPO, call, run_real

from autoresearch import pack
from autoresearch.pack import BESIDE, FACE, SETTINGS, dependency, lay, merged

OURS = json.loads((REPO / SETTINGS).read_text())
texts = st.text("ab", max_size=2)
settings = st.recursive(
    texts | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(texts, settings, max_size=3)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A repository of a person's, without a commit."""
    (tmp_path / "My Churn").mkdir()
    git(tmp_path / "My Churn", "init", "-q", "-b", "main", "--template=")
    return tmp_path / "My Churn"


def files(root: Path) -> dict[str, bytes]:
    """Every file of the person's tree."""
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def holds(whole: Any, part: Any) -> bool:
    """Whether settings have everything of others: keys, items of lists, values."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(item in whole for item in part)
    return bool(whole == part)


class TestFresh:
    def test_lays_down_what_this_repository_has(self, own: Path):
        """Face, commands, agents, hooks and settings are this project's files to the byte."""
        said = call(own, "init")
        assert said.code == 0, said.err
        found = files(own)
        tracked = git(REPO, "ls-files", ".claude").split("\n")
        assert {name for name in found if name.startswith(".claude/")} == set(tracked)
        for name in (*FACE, *tracked):
            assert found[name] == (REPO / name).read_bytes(), name
        assert "/data/" in (own / ".gitignore").read_text().splitlines()

    def test_a_second_time_nothing_changes(self, own: Path):
        """What is there already is neither written nor named."""
        call(own, "init")
        before = files(own)
        said = call(own, "init")
        assert files(own) == before
        assert said.lines[0] == "next:"

    def test_says_what_to_commit(self, own: Path):
        """The line for the commit, run as printed, leaves nothing of what was laid down uncommitted."""
        said = call(own, "init")
        line = next(line for line in said.lines if line.strip().startswith("git add"))
        subprocess.run(line.split("&&")[0], shell=True, cwd=own, check=True)
        assert set(git(own, "diff", "--cached", "--name-only").split("\n")) == set(files(own))

    def test_outside_a_repository_nothing_is_written(self, tmp_path: Path):
        """A run is kept in git: without it the refusal names the remedy."""
        said = call(tmp_path, "init")
        assert said.code == 1
        assert "git init" in said.err
        assert not files(tmp_path)

    def test_a_table_of_ones_own_leaves_the_bundled_study_out(self, own: Path):
        """Then prepare.py writes study.toml, and program.md has no hints about another table."""
        laid = lay(own, own_table=True)
        assert "study.toml" not in laid.written
        program = (own / "program.md").read_text()
        assert "patients" not in program
        assert program.split("## Domain hints")[0] == (REPO / "program.md").read_text().split("## Domain hints")[0]
        assert program.count("## Domain hints") == 1

    def test_hands_table_and_options_to_prepare(self, own: Path):
        """Everything after `init` is prepare.py's, in whatever order, and its failure is that of the command."""
        (own / "prepare.py").write_text("import sys\nopen('said', 'w').write(repr(sys.argv[1:]))\nsys.exit(7)\n")
        assert call(own, "init", "--target", "churn", "my.csv", "--drop", "id").code == 7
        assert (own / "said").read_text() == "['--target', 'churn', 'my.csv', '--drop', 'id']"


class TestNothingIsOverwritten:
    @pytest.mark.parametrize("name", [*FACE, ".claude/commands/autoresearch.md", ".claude/hooks/launch"])
    def test_files_of_a_persons_stay_and_are_named(self, own: Path, name: str):
        """A file that is there and differs stays to the byte; the others come."""
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(b"mine\r\n")
        said = call(own, "init")
        assert (own / name).read_bytes() == b"mine\r\n"
        assert f"left as they were: {name}" in said.lines
        assert (own / SETTINGS).exists()

    def test_settings_get_what_they_lack(self, own: Path):
        """Lists of the person's come first and stay whole; theirs and ours hold together."""
        theirs = {"permissions": {"allow": ["Bash(make:*)"]}, "model": "opus", "hooks": {"Stop": [{"hooks": []}]}}
        (own / ".claude").mkdir()
        (own / SETTINGS).write_text(json.dumps(theirs))
        said = call(own, "init")
        both = json.loads((own / SETTINGS).read_text())
        assert holds(both, theirs)
        assert holds(both, {key: OURS[key] for key in ("env", "permissions", "hooks")})
        assert both["permissions"]["allow"][0] == "Bash(make:*)"
        assert f"added what was lacking: {SETTINGS}" in said.out

    @pytest.mark.parametrize(
        "theirs", ['{"env": {"BASH_DEFAULT_TIMEOUT_MS": "1"}}', "// no JSON\n{}", "[]", '{"hooks": "none"}']
    )
    def test_settings_that_contradict_are_left(self, own: Path, theirs: str):
        """What cannot be merged without a loss stays to the byte, and ours lie beside it."""
        (own / ".claude").mkdir()
        (own / SETTINGS).write_text(theirs)
        said = call(own, "init")
        assert (own / SETTINGS).read_text() == theirs
        assert json.loads((own / BESIDE).read_text()) == OURS
        assert f"  add to {SETTINGS} what {BESIDE} has: env, permissions and hooks" in said.lines

    @given(mappings, mappings)
    def test_merged_settings_hold_both(self, theirs: dict[str, Any], ours: dict[str, Any]):
        """Whatever the two are, a merge holds all of both, keeps theirs in order, and repeats nothing."""
        both = merged(theirs, ours)
        if both is None:
            assert any(theirs[key] != ours[key] for key in theirs.keys() & ours.keys())
        else:
            assert holds(both, theirs)
            assert holds(both, ours)
            assert list(both)[: len(theirs)] == list(theirs)
            assert merged(both, ours) == both

    def test_gitignore_is_added_to(self, own: Path):
        """Lines of the person's stay, even where the last one has no end."""
        (own / ".gitignore").write_text("/runs/\nsecret")
        call(own, "init")
        lines = (own / ".gitignore").read_text().splitlines()
        assert lines[:2] == ["/runs/", "secret"]
        assert sorted(set(lines)) == sorted(lines)
        assert {"/data/", "/results.tsv"} <= set(lines)


class TestEngine:
    def test_a_folder_without_a_project_becomes_one(self, own: Path):
        """A pyproject.toml is written that names the engine, under a name that a project may have."""
        call(own, "init")
        text = (own / "pyproject.toml").read_text()
        assert 'name = "my-churn"' in text
        assert json.dumps(dependency()) in text

    @pytest.mark.parametrize(
        ("text", "asked"),
        [
            ('[project]\nname = "mine"\ndependencies = ["pandas"]\n', True),
            ('[project]\nname = "mine"\ndependencies = ["autoresearch-other"]\n', True),
            ("[tool.ruff]\n", True),
            ('[project]\nname = "mine"\ndependencies = ["autoresearch @ file:///somewhere"]\n', False),
            ('[project]\nname = "autoresearch"\n', False),
        ],
    )
    def test_a_project_is_told_what_to_add(self, own: Path, text: str, asked: bool):
        """A pyproject.toml that is there is never edited: the command that adds the engine is said where it is due."""
        (own / "pyproject.toml").write_text(text)
        said = call(own, "init")
        assert (f'  uv add "{dependency()}"' in said.lines) is asked
        assert (own / "pyproject.toml").read_text() == text

    @pytest.mark.parametrize(
        ("told", "wanted"),
        [
            (None, "autoresearch"),
            ({"url": "file:///src", "dir_info": {}}, "autoresearch @ file:///src"),
            ({"url": "https://host/a.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
             "autoresearch @ git+https://host/a.git@c0ffee"),
            ({"url": "https://host/a.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}, "subdirectory": "b"},
             "autoresearch @ git+https://host/a.git@c0ffee#subdirectory=b"),
        ],
        ids=["index", "folder", "git", "subdirectory"],
    )  # fmt: skip
    def test_the_engine_comes_from_where_this_one_came(
        self, told: dict[str, Any] | None, wanted: str, monkeypatch: pytest.MonkeyPatch
    ):
        """`uvx --from SOURCE` is remembered by the installer, and the person's project is given the same source."""

        class Distribution:
            def read_text(self, name: str) -> str | None:
                assert name == "direct_url.json"
                return told and json.dumps(told)

        monkeypatch.setattr(metadata, "distribution", lambda _: Distribution())
        assert dependency() == wanted


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on PATH")
def test_the_wheel_lays_down_a_study_that_runs(own: Path, tmp_path: Path):
    """Built, and run by `uvx --from`: the files are in the wheel, and the loop starts in the person's repository."""
    uv = str(shutil.which("uv"))
    built = run_real(REPO, uv, "build", "--wheel", "--out-dir", tmp_path / "dist")
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    laid = run_real(own, uv, "tool", "run", "--from", wheel, "autoresearch", "init")
    assert laid.returncode == 0, laid.stderr
    found = files(own)
    for name in (*FACE, *git(REPO, "ls-files", ".claude").split("\n")):
        assert found[name] == (REPO / name).read_bytes(), name
    git(own, "add", "-A")
    git(own, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "autoresearch")
    for command in (("prepare.py",), ("autoresearch", "start", "t")):
        done = run_real(own, uv, "run", *command)
        assert done.returncode == 0, done.stderr
    assert "BASELINE" in done.stdout
    run_real(own, uv, "run", "autoresearch", "stop")


def test_an_installation_without_the_pack_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the files are missing the refusal names the remedy."""
    monkeypatch.setattr(pack.autoresearch, "__file__", str(tmp_path / "a" / "b" / "__init__.py"))
    with pytest.raises(pack.AutoresearchError, match="installed without the pack; install autoresearch from its"):
        pack.origin()
