"""The scorer as a service: where it listens, what is said to it, and the client's end. Imports nothing heavy.

One service per user, repository and environment: its address is made of all three, so two users or two
clones never share one, and after a change of the environment the next command starts a new one.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import socket
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from autoresearch.errors import AutoresearchError
from autoresearch.files import locked, modules_below
from autoresearch.study import Study
from autoresearch.trial import Evaluation, GoOn, State

__all__ = ["RemoteScorer", "address", "environment_stamp", "receive", "send", "stop"]

LENGTH = struct.Struct("<Q")
STOP_SECONDS = 10.0  # to end its cells
INSTALLED = (".dist-info", ".egg-info", ".pth")
START_SECONDS = 30.0  # to bind its socket; the imports come after


def address(common_dir: Path) -> Path:
    """Socket of the service for a repository: in a folder that is this user's alone.

    Raises
    ------
    AutoresearchError
        Somebody else owns the folder.
    """
    uid = os.getuid()
    folder = Path(tempfile.gettempdir()) / f"autoresearch-{uid}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise AutoresearchError(f"{folder} is not a folder of yours with mode 0700; move it away")
    facts = (str(common_dir), sys.prefix, sys.version, str(user_data_path("autoresearch")), environment_stamp())
    return folder / f"{hashlib.sha256('|'.join(facts).encode()).hexdigest()[:16]}.sock"


def environment_stamp() -> str:
    """Changes when a package is installed, removed or renewed, or the engine's code changes."""
    engine = Path(__file__).parent
    facts = [f"{engine}{name}{(engine / name).stat().st_mtime_ns}" for name in modules_below(str(engine))]
    for place in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        # a version is in a folder's name; the time of `place` would change with any cache that is put there
        facts += sorted(name for name in os.listdir(place) if name.endswith(INSTALLED))
    return hashlib.sha256("".join(facts).encode()).hexdigest()


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send a message as JSON with its length in front."""
    data = json.dumps(message).encode()
    connection.sendall(LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> dict[str, Any]:
    """Receive a message.

    Raises
    ------
    EOFError
        The other side is gone.
    """
    (size,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    message = json.loads(_exactly(connection, size))
    assert isinstance(message, dict)
    return message


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(min(1 << 20, size - len(data)))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def _start(path: Path, common_dir: Path) -> socket.socket:
    """Start the service if nobody else just did; gives a connection to it."""
    with locked(path.with_suffix(".lock")):
        if connection := _connect(path):
            return connection
        path.unlink(missing_ok=True)
        log = path.with_suffix(".log")
        with log.open("wb") as output:
            service = subprocess.Popen(
                [sys.executable, "-m", "autoresearch.server", str(path), str(common_dir)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and service.poll() is None:
            if connection := _connect(path):
                return connection
            time.sleep(0.01)
    raise AutoresearchError(f"the scorer did not start; {log} says why: {log.read_text(errors='replace')[-200:]}")


def stop(common_dir: Path) -> bool:
    """End the service of a repository; whether there was one."""
    connection = _connect(address(common_dir))
    if connection is None:
        return False
    with connection:
        send(connection, {"verb": "stop"})
        with contextlib.suppress(EOFError, OSError):  # it may end before it can say so
            receive(connection)
    deadline = time.monotonic() + STOP_SECONDS
    while address(common_dir).exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # the next command must not meet the one that ends
    return True


@dataclasses.dataclass(frozen=True)
class RemoteScorer:
    """The scorer as the loop sees it, at work in the service's process.

    Parameters
    ----------
    root
        The study's folder.
    common_dir
        The repository, which the service belongs to.
    predictions
        Folder for out-of-fold predictions.
    """

    root: Path
    common_dir: Path
    predictions: Path
    study: Study

    def evaluate(self, source: str, repeats: int, width: int | None = None, go_on: GoOn | None = None) -> Evaluation:
        """Measure a source, on so many cores, as long as `go_on` says so after a repeat."""
        found = self._ask("evaluate", go_on, source=source, repeats=repeats, width=width, ask=go_on is not None)
        scores = tuple(tuple(repeat) for repeat in found.pop("scores"))
        return Evaluation(**{**found, "scores": scores, "state": State(found["state"])})

    def repeats_exactly(self, source: str, predictions: str) -> bool:
        """Whether measuring again gives the same predictions."""
        return bool(self._ask("repeats_exactly", source=source, predictions=predictions)["value"])

    def row_se(self, before: str, after: str) -> float | None:
        """Row-level SE of a gain between two kept predictions."""
        value = self._ask("row_se", before=before, after=after)["value"]
        return None if value is None else float(value)

    def close(self) -> None:
        """Nothing: the service stays warm, and ends by itself."""

    def _ask(self, verb: str, go_on: GoOn | None = None, **arguments: Any) -> dict[str, Any]:
        path = address(self.common_dir)
        connection = _connect(path) or _start(path, self.common_dir)
        request = {
            "verb": verb,
            "root": str(self.root),
            "predictions": str(self.predictions),
            "study": self.study.to_json(),
            "arguments": arguments,
        }
        with connection:
            try:
                send(connection, request)
                while "repeats" in (reply := receive(connection)):
                    assert go_on
                    send(connection, {"go_on": go_on([tuple(repeat) for repeat in reply["repeats"]])})
            except (EOFError, OSError):
                raise AutoresearchError(
                    "the scorer ended while it was at work; nothing was decided: give the command again"
                ) from None
        if "refused" in reply:
            raise AutoresearchError(reply["refused"])
        return reply
