"""Memory: no fold finds labels it was not given, nor looks into a process that has them."""

import hashlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator

import boundary
import numpy as np
import pytest
from boundary import ALL, NONE, ROWS, Mechanisms, attack, cells, grasp, grasped, level_full, stolen

from autoresearch.executors import InProcess
from autoresearch.matrix import Matrix, unpack

LANDLOCK = Mechanisms(landlock=True, seccomp=True)
NAMESPACES = Mechanisms(namespaces=True)


@pytest.fixture
def bystander() -> Iterator[tuple[int, str]]:
    """A process of the same user with a secret in its environment and memory: its number, the secret's hash."""
    text, digest = boundary.token(f"bystander {os.getpid()}")
    code = "import os, time; held = os.environ['HELD'] * 3; print(flush=True); time.sleep(120)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env={"HELD": text}, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid, digest
        process.kill()


@pytest.mark.parametrize("wanted", [ALL, LANDLOCK, NAMESPACES], ids=["all", "Landlock alone", "namespaces alone"])
def test_other_processes_cannot_be_looked_into(wanted: Mechanisms, bystander: tuple[int, str]):
    """Environment, memory, descriptors and tracing of another process are out of reach of each mechanism alone."""
    pid, digest = bystander
    level_full()
    source = grasp("processes", PID=pid, TOKEN=digest)
    assert grasped(cells(NONE), source)
    assert not grasped(cells(wanted), source)


@pytest.mark.parametrize("wanted", [ALL, LANDLOCK, NAMESPACES], ids=["all", "Landlock alone", "namespaces alone"])
def test_other_processes_cannot_be_touched(wanted: Mechanisms, bystander: tuple[int, str]):
    """No signal, limit or priority of another process can be set."""
    pid, _ = bystander
    level_full()
    source = grasp("signals", PID=pid)
    assert grasped(cells(NONE), source)
    assert not grasped(cells(wanted), source)


def test_inherited_descriptors_are_the_folds_own():
    """A fold has its streams and its socket, and no descriptor that another process has, too."""
    for executor in (cells(NONE), level_full(), cells(ALL, 2)):
        assert not grasped(executor, grasp("descriptors"))
    theirs, ours = multiprocessing.Pipe()
    assert grasped(InProcess(), grasp("descriptors")), "in this process it finds some"
    theirs.close()
    ours.close()


def test_frames_and_objects_hold_no_labels_to_predict():
    """Stack frames and collected objects hold the labels of a fold's own rows and of no others."""
    _, y = boundary.noise()
    source = grasp("frames", WIDTH=len(y))
    holds_them = y.copy()
    assert grasped(InProcess(), source), "where the table's labels are in the process, they are found"
    assert len(holds_them) == 2 * ROWS
    assert not grasped(level_full(), source)


def sought(labels: np.ndarray) -> str:
    """The hash by which the heap attack knows labels."""
    return hashlib.sha256(np.packbits(labels == 1).tobytes()).hexdigest()


def test_the_heap_holds_no_labels_to_predict():
    """No memory of a fold holds the labels of its validation rows as numbers or text; its own are found."""
    _, y = boundary.noise()
    first, second = boundary.two_folds("", y)
    own = grasp("heap", LENGTH=ROWS, LABELS=sought(y[:ROWS]))
    assert grasped(level_full(), own, tasks=boundary.two_folds(own, y)[:1]), "the scan finds what is there"
    other = grasp("heap", LENGTH=ROWS, LABELS=sought(y[ROWS:]))
    assert not grasped(level_full(), other, tasks=boundary.two_folds(other, y)[:1])
    assert first.y_train.tolist() != second.y_train.tolist()


def test_nothing_of_a_fold_stays_in_the_heap_for_the_next():
    """Labels that a fold was given, or printed, are in no memory that the next fold is forked from."""
    _, y = boundary.noise()
    before = grasp("heap", LENGTH=ROWS, LABELS=sought(y[:ROWS]))
    folds = boundary.two_folds(before, y)
    first, second = boundary.answers(level_full(), before, folds).values()
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert first.max() == 1.0, "the first fold finds its own"
    assert second.max() == 0.0, "the second does not find them"
    assert stolen(cells(ALL), attack("heap_relay") + attack("relay"), trials=2) == 0.5


def test_the_shared_features_cannot_be_written():
    """Neither maps, nor descriptors, nor /proc/self/mem lead to a writable view of the features."""
    for wanted in (ALL, NONE, LANDLOCK, NAMESPACES):
        assert not grasped(cells(wanted), grasp("shared_features"))


def test_sealed_features_refuse_what_unsealed_ones_allow():
    """A memory file without seals is reopened for writing through /proc/self/fd; the features' is not."""
    X, _ = boundary.noise()
    unsealed = os.memfd_create("unsealed")
    os.write(unsealed, b"first")
    readable = os.open(f"/proc/self/fd/{unsealed}", os.O_RDONLY)
    again = os.open(f"/proc/self/fd/{readable}", os.O_RDWR)
    assert os.pwrite(again, b"other", 0) == 5
    matrix = Matrix.shuffled(X, 1)
    again = os.open(f"/proc/self/fd/{matrix.fd}", os.O_RDWR)
    with pytest.raises(PermissionError):
        os.pwrite(again, b"other", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(again, 0)
    assert unpack(matrix.fd).equals(matrix.frame)
    for handle in (unsealed, readable, again):
        os.close(handle)
    matrix.close()
