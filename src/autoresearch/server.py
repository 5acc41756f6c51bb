"""The scorer's process: holds labels, folds and metrics, keeps the cells warm, ends by itself.

Started by `service` on demand. It serves the commands of one repository, never imports a train.py,
listens on no TCP port, and ends when it was idle for ten minutes, when it is told to, when its socket or its
repository is gone, or when the environment changed.
"""

import contextlib
import dataclasses
import functools
import importlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoresearch.errors import AutoresearchError
from autoresearch.service import environment_stamp, receive, send

if TYPE_CHECKING:
    from autoresearch.executors import Cancel, Executor
    from autoresearch.scorer import Scorer

__all__ = ["Server", "main"]

IDLE_SECONDS = 600.0
LOOK_SECONDS = 2.0  # between two looks at the clock, the socket and the environment
KEPT_STUDIES = 4


class Server:
    """Serves one socket.

    Parameters
    ----------
    path
        Where to listen.
    repository
        The folder that it serves; it ends when that is gone.
    idle_seconds
        How long to wait for the next command.
    """

    def __init__(self, path: Path, repository: Path, idle_seconds: float = IDLE_SECONDS) -> None:
        self.path, self.repository, self.idle_seconds = path, repository, idle_seconds
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(16)
        self._inode = path.stat().st_ino
        self._stamp = environment_stamp()
        self._turn = threading.Lock()
        self._busy: set[threading.Thread] = set()
        self._last = time.monotonic()
        self._ending = threading.Event()
        self._cells: Executor | None = None
        self._scorers: dict[tuple[str, ...], Scorer] = {}
        self._users: Counter[tuple[str, ...]] = Counter()

    def serve(self) -> None:
        """Accept commands until there is a reason to end."""
        try:
            while not self._over():
                ready, _, _ = select.select([self._listener], [], [], LOOK_SECONDS if self._cells else 0.05)
                if ready:
                    connection, _ = self._listener.accept()
                    thread = threading.Thread(target=self._serve_one, args=(connection,), daemon=True)
                    self._busy.add(thread)
                    thread.start()
                elif self._cells is None:
                    self._warm()
        finally:
            with contextlib.suppress(OSError):
                if self.path.stat().st_ino == self._inode:
                    self.path.unlink()
            if self._cells:
                self._cells.close()

    def _over(self) -> bool:
        if self._ending.is_set():
            return True
        if self._busy:
            return False
        try:
            gone = self.path.stat().st_ino != self._inode
        except OSError:
            gone = True
        gone = gone or not self.repository.is_dir()
        return gone or time.monotonic() - self._last > self.idle_seconds or environment_stamp() != self._stamp

    def _warm(self) -> None:
        """Start the cells and import what is heavy, while nobody waits."""
        with self._turn:
            cells = self._the_cells()
            for name in ("autoresearch.scorer", "sklearn.model_selection"):
                importlib.import_module(name)
            with cells.hold():
                pass

    def _the_cells(self) -> "Executor":
        from autoresearch.machine import local_executor

        if self._cells is None:
            self._cells = local_executor()
            self._cells.spawn()  # they do their imports while the scorer does its own
        return self._cells

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            with connection:
                if not _same_user(connection):
                    return
                request = receive(connection)
                reply = self._answer(request, connection)
                with contextlib.suppress(OSError):
                    send(connection, reply)
        except (EOFError, OSError):
            pass  # whoever asked is gone
        finally:
            self._last = time.monotonic()
            self._busy.discard(threading.current_thread())

    def _answer(self, request: dict[str, Any], connection: socket.socket) -> dict[str, Any]:
        if request["verb"] == "stop":
            self._ending.set()
            return {}
        from autoresearch.executors import Cancel

        cancel, done = Cancel(), threading.Event()
        threading.Thread(target=_watch, args=(connection, cancel, done), daemon=True).start()
        try:
            with self._scorer(request) as scorer:
                return _score(scorer, request["verb"], request["arguments"], connection, cancel)
        except AutoresearchError as error:
            return {"refused": str(error)}
        except Exception as error:
            traceback.print_exc()
            return {"refused": f"the scorer failed: {type(error).__name__}: {error}; its log is beside its socket"}
        finally:
            done.set()

    @contextlib.contextmanager
    def _scorer(self, request: dict[str, Any]) -> Iterator["Scorer"]:
        """The scorer of a study, with its table, from an earlier command where the bytes are the same."""
        with self._turn:
            cells = self._the_cells()
            from autoresearch.prepared import read
            from autoresearch.scorer import Scorer
            from autoresearch.study import Study

            root, study = Path(request["root"]), Study.from_json(request["study"])
            prepared = read(root, study, frozen=True)  # whether it is fresh was the command's to say
            if prepared is None:
                raise AutoresearchError("the study is not prepared; uv run prepare.py does it")
            key = (str(root), request["study"], prepared.fingerprint, request["predictions"])
            if key not in self._scorers:
                idle = [old for old in self._scorers if not self._users[old]]
                for old in idle[: len(self._scorers) + 1 - KEPT_STUDIES]:
                    self._scorers.pop(old).forget()
                self._scorers[key] = Scorer(root, study, prepared, cells, Path(request["predictions"]))
            self._users[key] += 1
        try:
            yield self._scorers[key]
        finally:
            with self._turn:
                self._users[key] -= 1


def _score(
    scorer: "Scorer", verb: str, arguments: dict[str, Any], connection: socket.socket, cancel: "Cancel"
) -> dict[str, Any]:
    match verb:
        case "evaluate":
            ask = arguments.pop("ask")
            go_on = functools.partial(_go_on, connection) if ask else None
            return dataclasses.asdict(scorer.evaluate(**arguments, go_on=go_on, cancel=cancel))
        case "repeats_exactly":
            return {"value": scorer.repeats_exactly(**arguments)}
        case "row_se":
            return {"value": scorer.row_se(**arguments)}
    raise AutoresearchError(f"the scorer does not know the verb {verb!r}")


def _go_on(connection: socket.socket, scores: Sequence[tuple[float, ...]]) -> bool:
    """Have the client decide, who holds the record: the scorer knows of one trial only."""
    send(connection, {"repeats": scores})
    return bool(receive(connection)["go_on"])


def _watch(connection: socket.socket, cancel: "Cancel", done: threading.Event) -> None:
    """Cancel the trial when whoever asked for it hangs up."""
    with contextlib.suppress(OSError, ValueError):  # it was closed here: the answer is out
        while not done.is_set():
            ready, _, _ = select.select([connection], [], [], 0.2)
            if ready and not done.is_set() and not connection.recv(1, socket.MSG_PEEK):
                cancel()
                break
            if ready:
                done.wait(0.05)  # an answer that nobody took yet
    done.wait()
    cancel.close()


def _same_user(connection: socket.socket) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the folder's mode is the check
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.getuid())


def main() -> None:
    """Serve the socket that the command line names."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(Path(sys.argv[1]), Path(sys.argv[2])).serve()
    os._exit(0)  # threads that wait for somebody else's trial must not hold it up


if __name__ == "__main__":
    main()
