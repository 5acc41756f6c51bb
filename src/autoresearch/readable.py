"""What of the file system a fold may read: Python's environment and the system's libraries, without data sets."""

import functools
import os
import sys
import sysconfig
from pathlib import Path

__all__ = ["PROC_FILES", "masked", "readable"]

MASKED = (
    "sklearn/datasets/data", "sklearn/datasets/images", "sklearn/datasets/tests", "sklego/data",
    "skrub/_reporting/tests", "statsmodels/datasets/*/*.csv", "scipy/io/arff/tests", "plotly/package_data/datasets",
    "matplotlib/mpl-data/sample_data", "palmerpenguins/data", "vega_datasets/_data", "mlxtend/data/data",
    "river/datasets", "pydataset",
)  # fmt: skip
"""Data sets that packages bring along, relative to site-packages: left readable, they give an AUC of 1."""
PACKAGES = ("lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages")
SYSTEM = ("/usr", "/usr/local")
PARTS = ("bin", "lib", "lib64", "libexec", "share", "pyvenv.cfg")
"""What is read of a prefix, the system's or Python's: a project may lie in the same folder (/usr/src/app)."""
READABLE = (
    "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
)  # fmt: skip
CPU = "/sys/devices/system/cpu"
CPU_FILES = ("online", "possible", "present", "cpu[0-9]*/topology", "cpu[0-9]*/cache")  # counters are not among them
PROC_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems")


@functools.cache
def masked() -> tuple[str, ...]:
    """The packaged data sets that are installed here, and packages that this Python does not use."""
    prefixes = {*_prefixes(), *SYSTEM}
    packages = {str(path) for prefix in prefixes for part in PACKAGES for path in Path(prefix).glob(part)}
    used = packages.intersection(sys.path) | {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    data = {str(path) for package in used for name in MASKED for path in Path(package).glob(name)}
    return tuple(sorted({os.path.realpath(path) for path in data | (packages - used)}))


def _prefixes() -> set[str]:
    roots = (sys.prefix, sys.base_prefix, sys.exec_prefix)
    return {place for root in roots for place in (root, os.path.realpath(root))}


@functools.cache
def readable(*, covered: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What may be read, and what may only be listed: the environment with holes where data sets are.

    Parameters
    ----------
    covered
        Empty folders are mounted over the data sets: no holes are needed, and twenty rules do instead of two
        thousand, which every fold would have to copy.
    """
    holes = () if covered else masked()
    prefixes = [f"{prefix}/{part}" for prefix in {*_prefixes(), *SYSTEM} for part in PARTS]
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")]
    read = [str(path) for name in CPU_FILES for path in Path(CPU).glob(name)]
    lists = [CPU]

    def grant(path: str) -> None:
        inside = [hole for hole in holes if hole == path or hole.startswith(f"{path}/")]
        if not inside:
            read.append(path)
        elif path not in inside:
            lists.append(path)
            for entry in os.scandir(path):
                if not entry.is_symlink():  # which leads to what is granted itself, or around a hole
                    grant(entry.path)

    for root in {os.path.realpath(path) for path in (*READABLE, *prefixes, *own)}:
        if Path(root).exists():
            grant(root)
    return tuple(read), tuple(lists)
