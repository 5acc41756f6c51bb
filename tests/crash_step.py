"""One command in a process of its own, which kills itself at a point, or is killed by whoever started it.

    python crash_step.py FOLDER start|step [POINT]

Prints ``ready`` once everything is imported and the work begins.
"""

import os
import signal
import sys
from pathlib import Path

from fakes import TAG, make_loop


def main(folder: str, verb: str, point: str = "") -> None:
    def reach(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    loop = make_loop(Path(folder), reach)
    os.write(1, b"ready\n")
    loop.start(TAG) if verb == "start" else loop.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
