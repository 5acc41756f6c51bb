"""A trial's guard: has folds forked, watches what they use and print, and ends them.

It is forked from the stem before the first fold and no fold is forked from it: what it learns of a fold (its
output, sizes, times, exit code) reaches the scorer and no other fold's memory.
"""

import contextlib
import json
import os
import re
import resource
import select
import signal
import socket
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from autoresearch.confinement import Confinement
from autoresearch.frames import Ended, printable

__all__ = ["FORK", "MESSAGE_BYTES", "REAP", "guard"]

FORK, REAP = b"fork", b"reap"  # what the guard says to the stem
MESSAGE_BYTES = 1 << 16
OUTPUT_LIMIT = 8 * 1024  # bytes kept of what a fold prints
WATCH_SECONDS = 0.05  # between two looks at memory and processes; limits hold each process meanwhile
TASK_LIMIT = 512  # processes and threads together
EXITING = 0x4  # PF_EXITING, in the ninth field of /proc/PID/stat


def guard(confinement: Confinement, limit: int, orders: socket.socket, stem: socket.socket) -> NoReturn:
    """Serve the scorer's orders, a fold each, until it hangs up.

    Parameters
    ----------
    limit
        Bytes that a fold's processes may use beyond what they inherit.
    orders, stem
        Sockets to the scorer and to the stem.
    """
    code = 1
    try:
        own = _resident(os.getppid())
        confinement.hide(os.getppid(), os.getpid())
        orders.send(b"ready")
        while True:
            message, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, 1)
            if not message:
                break
            confinement.prepare_fold()
            output, output_end = os.pipe()
            socket.send_fds(stem, [FORK], [descriptors[0], output_end])
            os.close(descriptors[0])
            os.close(output_end)
            pid = int(stem.recv(MESSAGE_BYTES))
            reason, printed = _watch(limit, own, orders, output, confinement)
            ended = _ended(pid, reason, printed)
            _clear(confinement, stem)
            confinement.finish_fold()
            os.close(output)
            orders.send(json.dumps(asdict(ended)).encode())
        code = 0
    except BaseException:  # for the service's log
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            _clear(confinement, stem)
            confinement.finish_fold()
        os._exit(code)


def _watch(limit: int, own: int, orders: socket.socket, output: int, confinement: Confinement) -> tuple[str, bytes]:
    """Drain what the fold prints and look at what it uses until the scorer is done; gives why it was ended early."""
    printed, reason = b"", ""
    os.set_blocking(output, False)
    sources: list[Any] = [orders, output]
    while True:
        ready, _, _ = select.select(sources, [], [], WATCH_SECONDS)
        if output in ready:
            chunk = b""
            with contextlib.suppress(BlockingIOError):
                chunk = os.read(output, 1 << 16)
            if not chunk:
                sources = [orders]
            printed = (printed + chunk)[-OUTPUT_LIMIT:]
        if orders in ready:
            orders.recv(MESSAGE_BYTES)
            return reason, printed
        if not reason and (reason := _excess(limit, own, confinement)):
            confinement.kill_all()


def _excess(limit: int, own: int, confinement: Confinement) -> str:
    """What the fold's processes have too much of, beyond what they inherited; empty when all is well."""
    pids = confinement.processes()
    if sum(map(_threads, pids)) > TASK_LIMIT:
        return f"processes: more than {TASK_LIMIT}"
    if sum(max(0, _resident(pid) - own) for pid in pids) > limit:
        return "memory"
    return ""


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/task").stat().st_nlink - 2
    return 1


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


def _ended(pid: int, reason: str, printed: bytes) -> Ended:
    """What the fold's own process used until now, and of what it died if it did."""
    cpu = peak = 0.0
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = _fields(pid)
        while int(fields[6]) & EXITING and fields[0] != "Z":
            time.sleep(0.0005)
            fields = _fields(pid)
        reason = reason or (_end(int(fields[49])) if fields[0] == "Z" else "it hung up")
        cpu = time.clock_gettime(~pid << 3 | 2)  # the processor clock of another process, clock_getcpuclockid(3)
        cpu += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")  # of its children that ended
        if found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()):
            peak = int(found[1]) / 1024
    return Ended(cpu, peak, reason, printable(printed.decode("utf-8", "replace")))


def _fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _end(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _clear(confinement: Confinement, stem: socket.socket) -> None:
    """Kill and reap until no process of the fold is left; all end up as the stem's children, which waits for one."""
    while confinement.processes():
        confinement.kill_all()
        stem.send(REAP)
        if not stem.recv(MESSAGE_BYTES):
            return
