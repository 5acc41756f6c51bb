"""Files, data sets and the network: what a fold may not read, it cannot read, by whatever way."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boundary
import numpy as np
import pytest
from boundary import ALL, NONE, Mechanisms, Study, attack, cells, grasp, grasped, level_full
from sklearn.metrics import roc_auc_score

from autoresearch.confinement import masked
from autoresearch.executors import InProcess
from autoresearch.fold import Failure, FoldTask
from autoresearch.readable import readable
from autoresearch.trial import State

LANDLOCK = Mechanisms(landlock=True, seccomp=True)
NAMESPACES = Mechanisms(namespaces=True)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of noise; its rows lie sorted by label."""
    return Study(tmp_path / "study")


@pytest.fixture
def secret(tmp_path: Path) -> tuple[list[str], str]:
    """A file with a secret and the hash by which an attack knows it."""
    text, digest = boundary.token(str(tmp_path))
    path = tmp_path / "ledger.db"
    path.write_text(text)
    path.chmod(0o755)
    return [str(path)], digest


@pytest.fixture
def among_programs() -> Iterator[tuple[list[str], str]]:
    """A secret in a project below /usr/src, where containers often have one."""
    folder = Path("/usr/src") if os.access("/usr/src", os.W_OK) else pytest.skip("/usr/src is not writable here")
    with tempfile.TemporaryDirectory(prefix="autoresearch-project-", dir=folder) as project:
        text, digest = boundary.token(project)
        Path(project, "data.csv").write_text(text)
        yield [f"{project}/data.csv"], digest


def test_the_table_the_holdout_and_small_csv_are_out_of_reach(study: Study):
    """Labels read from the study's own files give an AUC of 1 with the boundary off, and chance with it on."""
    holdout = study.prepared.seal.path
    files = [study.root / "small.csv", study.prepared.training_path(study.root), holdout]
    source = attack("reads_table", PATHS=[str(path) for path in files])
    assert study.auc(cells(NONE), attack("reads_table", PATHS=[str(files[1])])) == 1.0
    assert study.auc(level_full(), source) == 0.5


@pytest.mark.parametrize("wanted", [ALL, LANDLOCK], ids=["all", "Landlock alone"])
def test_a_file_is_out_of_reach_by_every_way(wanted: Mechanisms, secret: tuple[list[str], str]):
    """Maps, shells, descriptors, links, moves, splices and the ways of /proc all end at the boundary."""
    paths, digest = secret
    level_full()
    source = grasp("read_files", PATHS=paths, TOKEN=digest)
    assert grasped(cells(NONE), source)
    assert not grasped(cells(wanted), source)


def test_the_studys_own_data_is_covered_without_landlock_too(tmp_path: Path):
    """Where there are namespaces alone, the training rows, the vault, the predictions and the raw table are emptied."""
    text, digest = boundary.token("rows")
    folder, table = tmp_path / "vault", tmp_path / "table.csv"
    folder.mkdir()
    for path in (folder / "holdout.parquet", table):
        path.write_text(text)
    for path in (folder / "holdout.parquet", table):
        source = grasp("read_files", PATHS=[str(path)], TOKEN=digest)
        assert grasped(cells(NAMESPACES), source)
        assert not grasped(cells(NAMESPACES), source, hidden=[str(folder), str(table)])


def test_a_project_among_programs_is_out_of_reach(among_programs: tuple[list[str], str]):
    """What lies below /usr and is no library is not readable."""
    paths, digest = among_programs
    source = grasp("read_files", PATHS=paths, TOKEN=digest)
    assert grasped(cells(NONE), source)
    assert not grasped(level_full(), source)


def test_granted_files_can_be_read_by_name(tmp_path: Path):
    """What the study grants lies beside train.py and is readable at its own place; its neighbours are not."""
    text, digest = boundary.token("granted")
    granted, other = tmp_path / "lookup.csv", tmp_path / "other.csv"
    granted.write_text(text)
    other.write_text(text)
    for paths, expected in (([str(granted)], True), (["lookup.csv"], True), ([str(other)], False)):
        source = grasp("read_files", PATHS=paths, TOKEN=digest)
        assert grasped(level_full(), source, readable=[str(granted)]) is expected


def test_packaged_data_sets_are_masked():
    """The data sets of scikit-learn and scikit-lego, which may be the study's own, cannot be loaded."""
    source = grasp("packaged_data")
    assert grasped(cells(NONE), source)
    assert not grasped(level_full(), source)
    assert not grasped(cells(LANDLOCK), source)


def test_packaged_data_sets_are_not_imported_ahead():
    """A cell does not import test modules of packages that load a data set, however train.py names them."""
    source = grasp("packaged_tests")
    assert not grasped(level_full(), source)
    outside = grasp("packaged_tests") + "\nnever()\n"
    assert grasped(cells(NONE), outside), "imported in the fold itself it does load one"


def test_files_are_not_imported_by_their_path():
    """Neither a cell nor a stem imports a module that lies outside the environment, however train.py names it."""
    text, digest = boundary.token("module")
    with tempfile.TemporaryDirectory(prefix="autoresearch_attack_left_", dir="/tmp") as folder:
        Path(folder, "ledger.db").write_text(text)
        Path(folder, "evil.py").write_text((boundary.ATTACKS / "evil_module.py").read_text())
        module = ".".join((*Path(folder).parts[1:], "evil"))
        plain = f"import sys, {module}; print(sys.found)"
        done = subprocess.run([sys.executable, "-c", plain], cwd="/", capture_output=True, text=True, check=True)
        assert done.stdout.strip() == text, "with / on the path, as a cell would have it, the module is imported"
        source = grasp("evil_import", TOKEN=digest) + f"\n\ndef never():\n    import {module}\n"
        assert not grasped(level_full(), source)
        assert not grasped(cells(NONE), source)


def test_masks_cover_what_is_installed():
    """The masks name folders that exist, and nothing that may be read lies in one."""
    holes = masked()
    assert any("sklearn/datasets/data" in hole for hole in holes)
    assert any("sklego/data" in hole for hole in holes)
    read, _ = readable(covered=False)
    assert not [path for path in read if path in holes or any(hole.startswith(f"{path}/") for hole in holes)]


def test_a_ruleset_cannot_be_widened_for_the_next_fold(secret: tuple[list[str], str]):
    """No fold adds a rule to the Landlock ruleset that confines the folds after it."""
    paths, digest = secret
    assert not grasped(level_full(), grasp("ruleset", PATHS=paths, TOKEN=digest))


def test_the_network_is_out_of_reach():
    """No fold opens a socket, to a listening port least of all."""
    level_full()
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = grasp("network", PORT=server.getsockname()[1])
        assert grasped(cells(NONE), source)
        assert not grasped(cells(ALL), source)


UNDONE = (
    "unshare", "clone", "clone3", "setns", "mount", "remount", "unmount", "chroot", "user", "capabilities",
    "set-user-id program", "io_uring", "userfaultfd", "perf events", "bpf", "kernel key", "host name", "device",
)  # fmt: skip


@pytest.mark.parametrize("way", UNDONE)
def test_the_confinement_cannot_be_undone(way: str):
    """Calls that would undo the confinement, or go around it, fail inside."""
    assert not grasped(level_full(), grasp("undo", WAY=way))


def test_undoing_calls_work_outside():
    """With the boundary off, root's calls for capabilities and new namespaces do work."""
    if os.geteuid():
        pytest.skip("not root: most of these calls fail outside, too")
    assert grasped(cells(NONE), grasp("undo", WAY="capabilities"))
    assert grasped(cells(NONE), grasp("undo", WAY="unshare"))


def test_switches_of_the_kernel_cannot_be_thrown_with_namespaces_alone():
    """Even without Landlock, root's files in /proc/sys are not there to be written."""
    if cells(NAMESPACES).isolation != "partial":
        pytest.skip("no namespaces on this machine")
    source = grasp("kernel_switches")
    before = Path("/proc/sys/kernel/printk_ratelimit_burst").read_text()
    if os.geteuid() == 0:
        assert grasped(cells(NONE), source)
    Path("/proc/sys/kernel/printk_ratelimit_burst").write_text(before)
    assert not grasped(cells(NAMESPACES), source)
    assert not grasped(level_full(), source)
    assert Path("/proc/sys/kernel/printk_ratelimit_burst").read_text() == before


def test_figures_of_the_machine_are_frozen_or_hidden():
    """What other folds could change in /proc and /sys is not there, or stands as it did when the trial began."""
    source = grasp("system_figures")
    assert grasped(cells(NONE), source)
    assert not grasped(level_full(), source)


def test_printed_scores_are_no_scores(study: Study):
    """A train.py that prints a score and exits has crashed, in one clean line."""
    found = study.scorer(level_full()).evaluate(attack("prints_score"), 1)
    assert found.state is State.CRASHED
    assert found.scores == ()
    assert found.error == "train.py: its process ended without an answer (exit code 0)"


def test_patches_stay_in_the_fold(study: Study):
    """Metrics, splitters, NumPy and the engine patched inside a fold change no score outside."""
    assert study.auc(level_full(), grasp("cell_globals")) == 0.5
    honest = (Path(__file__).parents[1] / "train.py").read_text()
    before = study.auc(level_full(), honest)
    study.auc(level_full(), grasp("cell_globals"))
    assert study.auc(level_full(), honest) == before


def test_labels_of_the_scorer_are_not_in_a_fold(study: Study):
    """Frames, collected objects and modules lead to the scorer's table in its own process, and nowhere inside."""
    assert study.auc(InProcess(), attack("takes_labels")) == 1.0
    assert study.auc(level_full(), attack("takes_labels")) == 0.5


def test_row_numbers_tell_nothing(study: Study):
    """On a table sorted by label, where a row lies gives chance: rows are shared in a secret order."""
    source, rows = attack("row_numbers"), np.arange(boundary.ROWS * 2)
    labels = (rows >= boundary.ROWS).astype(np.int64)
    task = FoldTask((1, 0), source, rows[::2], labels[::2], rows[1::2], "score", 2)
    answer = boundary.answers(cells(NONE), source, [task])[1, 0]
    assert not isinstance(answer, Failure)
    assert roc_auc_score(labels[1::2], answer) == 1.0, "in the table's own order the row number tells the label"
    assert abs(study.auc(level_full(), source) - 0.5) < 0.15


def test_nothing_remains(study: Study):
    """After a trial a cell's folder is empty."""
    executor = level_full()
    study.auc(executor, grasp("cell_globals"))
    for cell in executor._cells.values():
        assert list(Path(cell.scratch).iterdir()) == []
