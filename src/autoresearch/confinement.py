"""How a fold's process is confined on Linux: its namespaces once per trial, the rest in each fold's child.

Covered: files outside the Python environment and an own empty folder, packaged data sets, other processes
and their memory, the network, messages between folds (System V and POSIX IPC, /dev/shm, locks, keyrings,
inotify, file times and names, process numbers, the kernel's figures in /proc), left-over processes, memory,
file and process counts. Not covered: timing and caches, the kernel's own counters; see docs/security.md.
"""

import contextlib
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch import linux, seccomp
from autoresearch.isolation import Mechanisms
from autoresearch.readable import PROC_FILES, masked, readable

__all__ = ["Confinement", "masked", "try_mechanisms"]

DEVICES = ("null", "zero", "full", "random", "urandom")
PROC_COPIES = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version", "vmstat")
"""What libraries look for at the top of /proc: kept as it is when a trial begins, because folds can change it."""
CONTROL_GROUPS = "/sys/fs/cgroup"
FOLDER_BYTES = 1 << 30  # of a fold's own folder and of its /dev/shm, each
FOLDER_FILES = 100_000
FIRST_PID, LARGEST_PID = 100, 1024  # the first process of every fold has the first


@dataclass
class Confinement:
    """The confinement of one trial's cell.

    Parameters
    ----------
    mechanisms
        What to use; each was tried before.
    scratch
        An empty folder of this trial's own; folds work in ``scratch/fold``.
    readable
        Files that the study grants, to read.
    hidden
        Files and folders to cover, as packaged data sets are.
    """

    mechanisms: Mechanisms
    scratch: str
    readable: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    _ruleset: int | None = field(default=None, init=False)
    _filter: bytes = field(default=b"", init=False)
    _mounted: list[str] = field(default_factory=list, init=False)
    _last_pid: int = field(default=-1, init=False)

    @property
    def folder(self) -> str:
        """Where a fold works."""
        return os.path.join(self.scratch, "fold")

    def enter(self) -> None:
        """Set the cell up. With namespaces this returns in a new process, the first of its namespace."""
        if self.mechanisms.namespaces:
            _enter_namespaces()
            self._mount()
        else:
            linux.set_subreaper()
            os.makedirs(self.folder, exist_ok=True)
        if self.mechanisms.landlock:
            read, lists = readable(covered=self.mechanisms.namespaces)
            proc = ["/proc"] if self.mechanisms.namespaces else PROC_FILES
            write = [self.scratch, "/dev"] if self.mechanisms.namespaces else [self.folder, "/dev/null"]
            devices = [] if self.mechanisms.namespaces else [f"/dev/{name}" for name in DEVICES[1:]]
            self._ruleset = linux.landlock_ruleset([*read, *proc, *devices, *self.readable], lists, write)
        if self.mechanisms.seccomp:
            self._filter = seccomp.program()

    def _mount(self) -> None:
        """A read-only world with a private /dev, /proc and scratch, and nothing where data sets were."""
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        plain = linux.MS_NOSUID | linux.MS_NODEV
        granted = [path for path in self.hidden if not any(name.startswith(f"{path}/") for name in self.readable)]
        for path in (*masked(), *granted):
            if os.path.isdir(path):
                linux.mount("tmpfs", path, "tmpfs", plain | linux.MS_NOEXEC, "size=4k")
            elif Path(path).exists():
                linux.mount("/dev/null", path, None, linux.MS_BIND)
        linux.mount("tmpfs", self.scratch, "tmpfs", plain, "size=4m")
        os.mkdir(self.folder)
        os.mkdir(self._copies)
        os.mkdir(self._nothing)
        for name in PROC_COPIES:
            with contextlib.suppress(OSError):
                Path(self._copies, name).write_bytes(Path("/proc", name).read_bytes())
        if os.path.isdir(CONTROL_GROUPS):
            linux.mount(self._nothing, CONTROL_GROUPS, None, linux.MS_BIND)
        devices = os.path.join(self.scratch, "dev")
        os.mkdir(devices)
        linux.mount("tmpfs", devices, "tmpfs", linux.MS_NOSUID, "size=64k")
        for name in DEVICES:
            Path(devices, name).touch()
            linux.mount(f"/dev/{name}", f"{devices}/{name}", None, linux.MS_BIND)
        os.mkdir(f"{devices}/shm")
        Path(devices, "fd").symlink_to("/proc/self/fd")
        linux.mount(devices, "/dev", None, linux.MS_BIND | linux.MS_REC)
        linux.mount_read_only("/")
        linux.mount("proc", "/proc", "proc", plain | linux.MS_NOEXEC)

    @property
    def _copies(self) -> str:
        return os.path.join(self.scratch, "proc")

    @property
    def _nothing(self) -> str:
        return os.path.join(self.scratch, "nothing")

    def hide(self, *pids: int) -> None:
        """Hide these processes, which outlive a fold, and what all processes of the machine can change in /proc."""
        if not self.mechanisms.namespaces:
            return
        with contextlib.suppress(OSError):  # a kernel without checkpoint/restore
            self._last_pid = os.open("/proc/sys/kernel/ns_last_pid", os.O_WRONLY | os.O_CLOEXEC)
        if _kernel() >= (6, 14):  # whose namespaces have a limit of their own; before, it was the machine's
            with contextlib.suppress(OSError):
                Path("/proc/sys/kernel/pid_max").write_text(str(LARGEST_PID))
        for entry in [*os.scandir("/proc")]:
            if entry.is_symlink() or (entry.name.isdigit() and int(entry.name) not in pids):
                continue
            copy = os.path.join(self._copies, entry.name)
            cover = self._nothing if entry.is_dir() else copy if Path(copy).exists() else os.devnull
            linux.mount(cover, entry.path, None, linux.MS_BIND)

    def prepare_fold(self) -> None:
        """An empty folder and an empty /dev/shm; process numbers that begin where they always begin."""
        if self.mechanisms.namespaces:
            for path in self._mounted:
                linux.unmount(path)
            self._mounted = []
            for path in (self.folder, "/dev/shm"):  # noqa: S108
                options = f"size={FOLDER_BYTES},nr_inodes={FOLDER_FILES}"
                linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
                self._mounted.append(path)
            with contextlib.suppress(OSError):
                os.pwrite(self._last_pid, str(FIRST_PID - 1).encode(), 0)
        else:
            _empty(Path(self.folder))
        for path in self.readable:
            with contextlib.suppress(OSError):
                Path(self.folder, Path(path).name).symlink_to(path)

    def finish_fold(self) -> None:
        """Leave no file of a fold on a disk."""
        if not self.mechanisms.namespaces:
            _empty(Path(self.folder))

    def confine(self, memory_bytes: int) -> None:
        """Confine this process, a fold's child, for good."""
        os.chdir(self.folder)
        os.environ["TMPDIR"] = os.environ["HOME"] = os.environ["JOBLIB_TEMP_FOLDER"] = self.folder
        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_DATA: memory_bytes + _own_data(),
            resource.RLIMIT_FSIZE: FOLDER_BYTES,
            resource.RLIMIT_NOFILE: 1024,
        }
        for limit, value in limits.items():
            _, hard = resource.getrlimit(limit)
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (bound, bound))
        if self.mechanisms.landlock or self.mechanisms.seccomp:
            linux.no_new_privileges()
        if self.mechanisms.namespaces:
            linux.capabilities_drop()
        if self._ruleset is not None:
            linux.landlock_restrict(self._ruleset)
        if self._filter:
            linux.seccomp(self._filter)

    def processes(self) -> list[int]:
        """Processes of the fold, seen from the guard."""
        own = os.getpid()
        if self.mechanisms.namespaces:
            return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, own)]
        return [pid for pid in _descendants(os.getppid()) if pid != own]

    def kill_all(self) -> None:
        """Kill every process of the fold, daemons included, from the guard; the stem reaps."""
        if self.mechanisms.namespaces:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # which spares whoever calls, and the first process of the namespace
            return
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _enter_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    linux.unshare(
        linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET | linux.CLONE_NEWIPC
    )
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)
    if pid := os.fork():
        for descriptor in range(3, 256):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    linux.set_parent_death_signal(signal.SIGKILL)


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])


def _own_data() -> int:
    """Bytes of private memory that this process has already, copied at the fork."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        return pages * resource.getpagesize()
    return 1 << 30


def _empty(folder: Path) -> None:
    import shutil

    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _descendants(pid: int) -> Iterator[int]:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            yield process.pid


def try_mechanisms(wanted: Mechanisms, scratch: str) -> Mechanisms:
    """Which of `wanted` work here, found by doing it in a process of its own."""
    if not sys.platform.startswith("linux"):
        return Mechanisms(sandbox=wanted.sandbox and sys.platform == "darwin")
    landlock = wanted.landlock and linux.landlock_abi() > 0
    found = Mechanisms(landlock=landlock, seccomp=wanted.seccomp and seccomp.supported())
    if wanted.namespaces and _works(Mechanisms(namespaces=True), scratch):
        found = Mechanisms(namespaces=True, landlock=found.landlock, seccomp=found.seccomp)
    for attempt in (found, Mechanisms(found.namespaces, found.landlock), Mechanisms(namespaces=found.namespaces)):
        if _works(attempt, scratch):
            return attempt
    return Mechanisms()


def _works(mechanisms: Mechanisms, scratch: str) -> bool:
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            confinement = Confinement(mechanisms, scratch)
            confinement.enter()
            confinement.hide(1)
            confinement.prepare_fold()
            confinement.confine(1 << 30)
            code = 0
        os._exit(code)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False
