"""Fixtures for all tests: a person's machine that is nobody's, a study in a repository, a loop over it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from fakes import BASELINE, TAG, environment, make_loop, repository

hypothesis.settings.register_profile("shared", deadline=None)  # cores are shared: slow once is no failure
hypothesis.settings.load_profile("shared")

REPOSITORY = Path(__file__).parents[1]
FACE = ("study.toml", "prepare.py", "program.md", ".gitignore")
PEOPLE = {"notes.md": "notes\n", "plan.md": "plan\n"}
"""Files of a person that no run touches."""


def _face() -> dict[str, str]:
    paths = [REPOSITORY / name for name in FACE]
    return {path.name: path.read_text(encoding="utf-8") for path in paths if path.exists()}


@pytest.fixture(scope="session", autouse=True)
def _nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No home, no git settings, no author and no git variable of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR", str(home / "matplotlib")))
        for name in [name for name in os.environ if name.startswith("GIT_") or name == "EMAIL"]:
            patch.delenv(name)
        for name, value in environment(home).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def _vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test seals its holdouts in a vault of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user-data"))


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory, _nobody: None) -> Path:
    """Repositories that tests get copies of: a study before and after the start of run `TAG`."""
    folder = tmp_path_factory.mktemp("templates")
    fresh = repository(folder / "fresh", {**_face(), **PEOPLE, "train.py": BASELINE})
    started = Path(shutil.copytree(fresh, folder / "started"))
    loop = make_loop(started)
    loop.start(TAG)
    loop.workspace.ledger.close()
    return folder


@pytest.fixture
def new_study(tmp_path: Path, _templates: Path) -> Callable[[str], Path]:
    """Makes copies of the study: ``fresh`` as `root`, ``started`` as `started`."""
    made: list[Path] = []

    def copy(name: str) -> Path:
        made.append(tmp_path / f"study{len(made)}")
        return Path(shutil.copytree(_templates / name, made[-1]))

    return copy


@pytest.fixture
def root(new_study: Callable[[str], Path]) -> Path:
    """A study in a repository on branch main, with a train.py for `FakeScorer`; nothing was run yet."""
    return new_study("fresh")


@pytest.fixture
def started(new_study: Callable[[str], Path]) -> Path:
    """The study of `root` after the start of run `TAG`: its branch is checked out, the baseline scored 0.8."""
    return new_study("started")


@pytest.fixture
def heart_root(tmp_path: Path) -> Path:
    """The study of this repository's root, for the real scorer."""
    train = (REPOSITORY / "train.py").read_text(encoding="utf-8")
    return repository(tmp_path / "heart", {**_face(), **PEOPLE, "train.py": train})


@pytest.fixture
def table_csv(tmp_path: Path) -> Path:
    """A small table: numbers, text and missing values; `target` is mostly whether `size` is large."""
    rows = ["size,kind,dose,target"]
    for i in range(60):
        size, kind = (i * 37) % 60, "abc"[i % 3] if i % 11 else ""
        dose = "" if i % 7 == 0 else f"{(i * 13) % 17 / 4}"
        rows.append(f"{size},{kind},{dose},{int((size >= 30) != (i % 10 == 0))}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
