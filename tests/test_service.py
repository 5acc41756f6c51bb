"""The scorer's service: started on demand, shared by commands and worktrees, gone without a trace."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from fakes import repository

from autoresearch import data, service
from autoresearch.errors import AutoresearchError
from autoresearch.prepared import Prepared
from autoresearch.server import Server
from autoresearch.service import RemoteScorer
from autoresearch.study import load
from autoresearch.trial import State

REPOSITORY = Path(__file__).parents[1]
SOURCE = (REPOSITORY / "train.py").read_text(encoding="utf-8")
SLOW = SOURCE.replace("    return X\n", "    import time\n\n    time.sleep(60)\n    return X\n", 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in a repository, and the user's data beside it."""
    folder = tmp_path_factory.mktemp("service")
    face = {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in ("study.toml", "train.py", ".gitignore")}
    repository(folder / "study", face)
    return folder


@pytest.fixture
def scorer(home: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteScorer:
    """The client's end for that study; the service that a test leaves running serves the next test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "user-data"))
    return client(home / "study")


@pytest.fixture(scope="module", autouse=True)
def _end(home: Path) -> Iterator[None]:
    yield
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home / "user-data"))
        service.stop(home / "study" / ".git")


def client(root: Path) -> RemoteScorer:
    """A client for the study in `root`, prepared."""
    study = load(root / "study.toml")
    prepared: Prepared = data.prepare(root, study)
    assert prepared.rows == 242
    return RemoteScorer(root, root / ".git", root / ".git" / "autoresearch" / "predictions", study)


def process(scorer: RemoteScorer) -> psutil.Process:
    """The service's process, found by its socket's name."""
    path = str(service.address(scorer.common_dir))
    return next(p for p in psutil.process_iter(["cmdline"]) if path in (p.info["cmdline"] or []))


def cells(scorer: RemoteScorer) -> list[psutil.Process]:
    """The service's cells: children of the nursery, which did their imports."""
    return [cell for nursery in process(scorer).children() for cell in nursery.children()]


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether `condition` came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_it_starts_on_demand_and_serves_several_commands(scorer: RemoteScorer) -> None:
    """The first question starts it; the second meets the same process, and the same score to the last digit."""
    first = scorer.evaluate(SOURCE, 1)
    pid = process(scorer).pid
    second = scorer.evaluate(SOURCE, 1)
    assert first.state is second.state is State.COMPLETE
    assert first.scores == second.scores
    assert process(scorer).pid == pid
    assert scorer.repeats_exactly(SOURCE, first.predictions or "")


def test_it_listens_on_no_tcp_port_and_for_nobody_else(scorer: RemoteScorer) -> None:
    """Its only door is a socket of mode 0600 in a folder of mode 0700."""
    scorer.evaluate(SOURCE, 1)
    tree = [process(scorer), *process(scorer).children(), *cells(scorer)]  # not the last trial's world, which is going
    assert len(tree) > 2
    assert not [connection for member in tree for connection in member.net_connections(kind="inet")]
    address = service.address(scorer.common_dir)
    assert stat.S_IMODE(address.stat().st_mode) == 0o600
    assert stat.S_IMODE(address.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_can_enter_is_refused(
    scorer: RemoteScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket folder with wider permissions is an error that names it."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / f"autoresearch-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(AutoresearchError, match="mode 0700"):
        service.address(scorer.common_dir)


def test_two_clones_and_two_users_data_never_share_one(
    scorer: RemoteScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another repository, another user's data folder, another environment: another address."""
    addresses = {service.address(scorer.common_dir), service.address(tmp_path)}
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    addresses.add(service.address(scorer.common_dir))
    monkeypatch.setattr(service, "environment_stamp", lambda: "another")
    addresses.add(service.address(scorer.common_dir))
    assert len(addresses) == 4


def test_two_worktrees_share_one(scorer: RemoteScorer, tmp_path: Path) -> None:
    """A second worktree of the repository is served by the same process, with the same score."""
    before = scorer.evaluate(SOURCE, 1)
    tree = tmp_path / "tree"
    subprocess.run(["git", "worktree", "add", "-q", "--detach", str(tree)], cwd=scorer.root, check=True)
    study = load(tree / "study.toml")
    data.prepare(tree, study)
    other = RemoteScorer(tree, scorer.common_dir, scorer.predictions, study)
    pid = process(scorer).pid
    assert other.evaluate(SOURCE, 1).scores == before.scores
    assert process(scorer).pid == pid


def test_it_never_runs_train_py(scorer: RemoteScorer, tmp_path: Path) -> None:
    """What train.py does at its import happens in a confined child: neither scorer nor client leaves its mark."""
    mark = tmp_path / "mark"
    marking = SOURCE.replace(
        "HYPOTHESIS =",
        f"import contextlib, os\nwith contextlib.suppress(OSError):\n    open({str(mark)!r}, 'w')\nHYPOTHESIS =",
    )
    assert scorer.evaluate(marking, 1).state is State.COMPLETE
    assert not mark.exists()


@pytest.mark.parametrize("victim", ["cell", "nursery"])
def test_a_killed_cell_costs_one_trial_at_most(scorer: RemoteScorer, victim: str) -> None:
    """After a cell, or what cells are forked from, was killed, the next trials end, and then have the old score."""
    before = scorer.evaluate(SOURCE, 1)
    (cells(scorer) if victim == "cell" else process(scorer).children())[0].kill()
    scorer.evaluate(SOURCE, 1)
    assert scorer.evaluate(SOURCE, 1).scores == before.scores


def test_a_killed_client_ends_its_trial(scorer: RemoteScorer) -> None:
    """When whoever asked dies in the middle of a trial, the trial's processes end and the next command is served."""
    before = scorer.evaluate(SOURCE, 1)
    asking = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "ask_scorer.py"), str(scorer.root)], stdin=subprocess.PIPE
    )
    assert asking.stdin
    asking.stdin.write(SLOW.encode())
    asking.stdin.close()
    found = cells(scorer)
    assert wait_for(lambda: all(cell.children(recursive=True) for cell in found[:1]))
    asking.kill()
    asking.wait()
    assert wait_for(lambda: not [child for cell in found for child in cell.children(recursive=True)])
    assert scorer.evaluate(SOURCE, 1).scores == before.scores


def test_a_killed_service_leaves_nothing_and_the_next_command_starts_afresh(scorer: RemoteScorer) -> None:
    """SIGKILL in the middle of a trial: one clear error for who waits, no process left, and then a new service."""
    before = scorer.evaluate(SOURCE, 1)
    found = process(scorer)
    first = cells(scorer)[0]
    errors: list[Exception] = []

    def wait() -> None:
        try:
            scorer.evaluate(SLOW, 1)
        except AutoresearchError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert wait_for(lambda: bool(first.children(recursive=True)))
    tree = found.children(recursive=True)
    found.send_signal(signal.SIGKILL)
    waiting.join(20)
    assert errors
    assert "give the command again" in str(errors[0])
    _, alive = psutil.wait_procs(tree, timeout=20)
    assert not alive
    assert scorer.evaluate(SOURCE, 1).scores == before.scores


def test_stop_ends_it_and_its_cells(scorer: RemoteScorer) -> None:
    """The verb stop ends the service at once and leaves neither process nor socket."""
    scorer.evaluate(SOURCE, 1)
    tree = [process(scorer), *process(scorer).children(recursive=True)]
    assert service.stop(scorer.common_dir)
    _, alive = psutil.wait_procs(tree, timeout=15)
    assert not alive
    assert not service.address(scorer.common_dir).exists()
    assert not service.stop(scorer.common_dir)


def serve(path: Path, repository_: Path, idle_seconds: float) -> threading.Thread:
    """A server without cells in a thread of this process."""
    server = Server(path, repository_, idle_seconds)
    server._warm = lambda: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("reason", ["idle", "socket", "repository", "environment"])
def test_it_ends_by_itself(reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle for too long, its socket or its repository gone, the environment changed: each ends it."""
    path, folder = tmp_path / "socket", tmp_path / "repository"
    folder.mkdir()
    thread = serve(path, folder, 0.3 if reason == "idle" else 600)
    if reason != "idle":
        time.sleep(0.3)
        assert thread.is_alive()
    if reason == "socket":
        path.unlink()
    elif reason == "repository":
        folder.rmdir()
    elif reason == "environment":
        monkeypatch.setattr("autoresearch.server.environment_stamp", lambda: "another")
    thread.join(10)
    assert not thread.is_alive()
    assert not path.exists()


def test_a_command_during_the_first_start_waits_for_the_same_service(
    scorer: RemoteScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clients that start at the same moment share one service."""
    with contextlib.suppress(AutoresearchError):
        service.stop(scorer.common_dir)
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(scorer.evaluate(SOURCE, 1).scores)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    path = str(service.address(scorer.common_dir))
    servers = [p for p in psutil.process_iter(["cmdline"]) if path in (p.info["cmdline"] or [])]
    assert len(results) == 2
    assert results[0] == results[1]
    assert len(servers) == 1
