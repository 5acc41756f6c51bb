"""Signal, limit or slow down a process that is not the fold's own."""

import os
import resource
import signal

PID = 0


def reach():
    for act in (
        lambda: os.kill(PID, 0),
        lambda: resource.prlimit(PID, resource.RLIMIT_CORE, (0, -1)),
        lambda: os.setpriority(os.PRIO_PROCESS, PID, 1),
        lambda: signal.pidfd_send_signal(os.pidfd_open(PID), 0),
    ):
        try:
            act()
        except OSError:
            continue
        return True
    return False
