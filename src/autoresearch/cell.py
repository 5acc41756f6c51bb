"""A cell: a warm process without data. Per trial it forks a confined world, and in that one child per fold.

``python -m autoresearch.cell FD WANTED SCRATCH`` is the nursery: started by the scorer, no fork of it, it does the
imports once and forks a cell per core whenever the scorer asks for one; neither ever holds a label. A trial's first
process, the stem, holds the shared features and nothing else: each fold's message goes from the scorer straight to the
fold's child, and the child's answer straight back; what a fold prints, uses and dies of is the guard's to see. So no
trace of one fold is left in the memory from which the next one is forked.

    scorer --requests--> nursery --fork--> cell
    scorer --control--> cell --fork--> stem (namespaces, mounts) --fork--> child (Landlock, seccomp, limits)
      | |                                |                                   |
      | +---------- orders ---------- guard (watches, kills)                 |
      +----------------------- one socket pair per fold ---------------------+
"""

import contextlib
import gc
import json
import os
import pickle
import signal
import socket
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from autoresearch import linux
from autoresearch.confinement import Confinement, try_mechanisms
from autoresearch.fold import FoldTask, answer
from autoresearch.frames import CANCEL, Opening, answer_frame, failure_frame
from autoresearch.guard import FORK, MESSAGE_BYTES, REAP, guard
from autoresearch.isolation import Mechanisms
from autoresearch.matrix import unpack
from autoresearch.preload import WARM, preload, preload_all, rehearse

__all__ = ["main"]


def main() -> None:
    """Do the imports, then fork a cell whenever the scorer asks for one, until it is gone."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    wanted, scratch = Mechanisms(**json.loads(sys.argv[2])), sys.argv[3]
    _silence()
    sys.path[:] = [path for path in sys.path if path not in ("", "/")]  # or any file could be imported by its path
    preload(WARM)
    rehearse()
    sys.dont_write_bytecode = True  # what is imported from now on is a trial's wish
    mechanisms = try_mechanisms(wanted, scratch)
    requests.send(json.dumps(asdict(mechanisms)).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no cell that ended stays behind
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_BYTES, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            requests.close()
            linux.set_parent_death_signal(signal.SIGKILL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(socket.socket(fileno=descriptors[0]), int(message), mechanisms)
        os.close(descriptors[0])
        requests.send(str(pid).encode())


def _serve(control: socket.socket, core: int, mechanisms: Mechanisms) -> NoReturn:
    """A cell: runs trials, one at a time, until the scorer lets go of it."""
    everywhere = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})  # unpinned, two cells behave as one core
    trial = _Trial()
    signal.signal(CANCEL, trial.kill)
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
        if not message:
            os._exit(0)
        opening = Opening(**json.loads(message))
        preload(opening.modules)
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page that it looks at
        trial.pid = os.fork()
        if trial.pid == 0:
            control.close()
            _run_trial(opening, mechanisms, socket.socket(fileno=descriptors[0]), descriptors[1], everywhere)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(trial.pid, 0)
        trial.pid = 0
        control.send(b"closed")


class _Trial:
    """The trial under way."""

    pid = 0

    def kill(self, *_: object) -> None:
        """Kill it, and with it all that it forked."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _silence() -> None:
    """Point the standard streams nowhere: what a cell has to say goes over its sockets."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)


def _run_trial(
    opening: Opening, mechanisms: Mechanisms, orders: socket.socket, features_fd: int, everywhere: list[int]
) -> NoReturn:
    """The stem: confines its world, starts the guard, then forks a child per fold until the guard is gone."""
    signal.signal(CANCEL, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the first process of a namespace then never gets
    if mechanisms.namespaces:
        linux.set_parent_death_signal(signal.SIGKILL)  # elsewhere the guard must outlive it, to clear up
    code = 1
    try:
        features = unpack(features_fd)
        os.close(features_fd)
        confinement = Confinement(mechanisms, opening.scratch, opening.readable, opening.hidden)
        confinement.enter()
        if mechanisms.namespaces:
            preload_all(opening.modules)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            ours.close()
            os.sched_setaffinity(0, everywhere)  # beside a fold that forks without end it would get no time
            guard(confinement, opening.memory_bytes, orders, theirs)
        theirs.close()
        orders.close()
        gc.freeze()
        _fork_folds(confinement, opening.memory_bytes, ours, features)
        code = 0
    except BaseException:  # of the harness's own: for the service's log
        traceback.print_exc()
    finally:
        os._exit(code)


def _fork_folds(confinement: Confinement, memory: int, orders: socket.socket, features) -> None:  # type: ignore[no-untyped-def]
    """Fork and reap when the guard says so; of what becomes of a fold nothing is seen here but its number."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, len(FORK), 2)
        if not message:
            return
        if message == REAP:
            linux.reap()
            orders.send(REAP)
            continue
        pid = os.fork()
        if pid == 0:
            _live(confinement, memory, socket.socket(fileno=descriptors[0]), descriptors[1], features)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(str(pid).encode())


def _live(confinement: Confinement, memory: int, scorer: socket.socket, output: int, features) -> NoReturn:  # type: ignore[no-untyped-def]
    """The fold's own process: confine, read what to do, answer, wait for its end."""
    try:
        linux.set_parent_death_signal(signal.SIGKILL)
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        confinement.confine(memory)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # an open file that other folds have too could be marked
        os.closerange(3, scorer.fileno())
        os.closerange(scorer.fileno() + 1, 1 << 20)
        with scorer.makefile("rb") as stream:
            task = pickle.load(stream)  # noqa: S301 - from the scorer, the trusted direction
        assert isinstance(task, FoldTask)
        _stage(task.source)
        frame = answer_frame(answer(task, features))
    except BaseException as error:  # whatever train.py raises, exit included, is this fold's failure
        frame = failure_frame(error)
    with contextlib.suppress(BaseException):
        scorer.sendall(frame)
    while True:
        signal.pause()  # until the guard has seen what it used


def _stage(source: str) -> None:
    """Lay train.py where workers that start Python anew find it, and leave them no harness to import as main."""
    sys.modules["__main__"] = ModuleType("__main__")
    Path("train.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(Path.cwd()))


if __name__ == "__main__":
    main()
