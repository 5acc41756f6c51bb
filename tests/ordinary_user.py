"""Try the boundary as whoever runs this, and print what was reached; `test_attacks_users` runs it as nobody."""

import json
import sys
import tempfile
from pathlib import Path

import boundary
from boundary import ALL, NONE, Mechanisms, cells, channel, grasp, grasped, stolen

CHANNELS = ("bytecode", "files", "parent_limits", "posix_queues", "semaphores", "system_v", "keyrings")
LEVELS = {
    "all": ALL,
    "Landlock alone": Mechanisms(landlock=True, seccomp=True),
    "namespaces alone": Mechanisms(namespaces=True),
}


def main() -> None:
    """Print a line of JSON."""
    folder = Path(tempfile.mkdtemp())
    text, digest = boundary.token("user")
    secret = folder / "secret"
    secret.write_text(text)
    reach = grasp("read_files", PATHS=[str(secret)], TOKEN=digest)
    found: dict[str, object] = {"off": grasped(cells(NONE), reach)}
    honest = boundary.attack("learns")
    for name, wanted in LEVELS.items():
        executor = cells(wanted)
        answered = boundary.answers(executor, honest)
        found[name] = {
            "level": executor.isolation,
            "answers": sum(hasattr(answer, "shape") for answer in answered.values()),
            "file": grasped(executor, reach),
            "process": grasped(executor, grasp("signals", PID=int(sys.argv[1]))),
            "switches": grasped(executor, grasp("kernel_switches")),
            "channels": {name: stolen(executor, channel(name), trials=2) for name in CHANNELS},
        }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
