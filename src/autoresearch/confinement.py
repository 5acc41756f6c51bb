"""How a fold's process is confined on Linux: its namespaces once per trial, the rest in each fold's child.

Covered: files outside the Python environment and an own empty folder, packaged data sets, other processes
and their memory, the network, messages between folds (System V and POSIX IPC, /dev/shm, locks, keyrings,
inotify, file times and names, process numbers), left-over processes, memory, file and process counts.
Not covered: timing and caches; see docs/security.md.
"""

import contextlib
import os
import resource
import signal
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch import linux, seccomp
from autoresearch.isolation import Mechanisms

__all__ = ["Confinement", "masked", "try_mechanisms"]

MASKED = (
    "sklearn/datasets/data", "sklearn/datasets/images", "sklego/data", "statsmodels/datasets/*/*.csv",
    "plotly/package_data/datasets", "matplotlib/mpl-data/sample_data", "palmerpenguins/data", "vega_datasets/_data",
)  # fmt: skip
"""Data sets that packages bring along, relative to site-packages: left readable, they give an AUC of 1."""
DEVICES = ("null", "zero", "full", "random", "urandom")
READABLE = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives",
    "/sys/fs/cgroup", "/sys/devices/system/cpu", "/proc",
)  # fmt: skip
PROC_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/kernel", "/proc/sys/vm")
FOLDER_BYTES = 1 << 30  # of a fold's own folder and of its /dev/shm, each
FIRST_PID = 100  # that the first process of every fold gets


def masked() -> list[str]:
    """The packaged data sets that are installed here."""
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return [str(path) for package in packages for name in MASKED for path in Path(package).glob(name)]


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
    """

    mechanisms: Mechanisms
    scratch: str
    readable: list[str] = field(default_factory=list)
    _ruleset: int | None = field(default=None, init=False)
    _filter: bytes = field(default=b"", init=False)
    _mounted: list[str] = field(default_factory=list, init=False)

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
            read, lists = _readable(masked())
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
        for path in masked():
            if os.path.isdir(path):
                linux.mount("tmpfs", path, "tmpfs", plain | linux.MS_NOEXEC, "size=4k")
            else:
                linux.mount("/dev/null", path, None, linux.MS_BIND)
        linux.mount("tmpfs", self.scratch, "tmpfs", plain, "size=64k")
        os.mkdir(self.folder)
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

    def prepare_fold(self) -> None:
        """An empty folder and an empty /dev/shm; process numbers that begin where they always begin."""
        if self.mechanisms.namespaces:
            for path in self._mounted:
                linux.unmount(path)
            self._mounted = []
            for path in (self.folder, "/dev/shm"):  # noqa: S108
                linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"size={FOLDER_BYTES}")
                self._mounted.append(path)
            with contextlib.suppress(OSError):  # a kernel without checkpoint/restore
                Path("/proc/sys/kernel/ns_last_pid").write_text(str(FIRST_PID - 1))
        else:
            _empty(Path(self.folder))
        for path in self.readable:
            with contextlib.suppress(OSError):
                Path(self.folder, Path(path).name).symlink_to(path)

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
        """Processes of the fold, seen from the trial's first one."""
        if self.mechanisms.namespaces:
            return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        return list(_descendants(os.getpid()))

    def kill_all(self) -> None:
        """Kill every process of the fold, daemons included; the caller reaps."""
        if self.mechanisms.namespaces:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            return
        for pid in _descendants(os.getpid()):
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


def _readable(holes: list[str]) -> tuple[list[str], list[str]]:
    """What may be read, and what may only be listed: the environment with holes where data sets are."""
    roots = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, sys.exec_prefix, *READABLE[:-1])}
    roots.add(sys.prefix)
    read, lists = [], []

    def grant(path: str) -> None:
        inside = [hole for hole in holes if hole == path or hole.startswith(f"{path}/")]
        if not inside:
            read.append(path)
        elif path not in inside:
            lists.append(path)
            for name in os.listdir(path):
                grant(f"{path}/{name}")

    for root in sorted(roots):
        grant(root)
    return read, lists


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
