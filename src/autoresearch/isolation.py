"""Which mechanisms confine a fold's process, and the one word for what they add up to."""

from dataclasses import asdict, dataclass

__all__ = ["ALL", "NONE", "Mechanisms"]


@dataclass(frozen=True)
class Mechanisms:
    """What is switched on, or, after trying, what works here.

    Parameters
    ----------
    namespaces
        A private view of processes, mounts, network and IPC; a read-only file system; masked data sets.
    landlock
        Files: read the Python environment, write an own empty folder, nothing else. No TCP.
    seccomp
        System calls that pass messages between folds, look into processes or undo the rest are refused.
    sandbox
        macOS: sandbox-exec with a profile of the same meaning.
    """

    namespaces: bool = False
    landlock: bool = False
    seccomp: bool = False
    sandbox: bool = False

    @property
    def level(self) -> str:
        """``full``, ``partial`` or ``process``."""
        if self.namespaces and self.landlock and self.seccomp:
            return "full"
        return "partial" if self.namespaces or self.landlock or self.sandbox else "process"

    def without(self, other: "Mechanisms") -> "Mechanisms":
        """Those of these that `other` has too."""
        theirs = asdict(other)
        return Mechanisms(**{name: on and theirs[name] for name, on in asdict(self).items()})


ALL = Mechanisms(namespaces=True, landlock=True, seccomp=True, sandbox=True)
NONE = Mechanisms()

REMEDIES = {
    "namespaces": "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0), or in a container --security-opt seccomp=unconfined",
    "landlock": "a kernel of 5.13 or later with lsm=landlock,... on its command line",
    "seccomp": "x86_64 or aarch64, and a kernel with CONFIG_SECCOMP_FILTER",
}
"""What to do where a mechanism of Linux is missing."""
