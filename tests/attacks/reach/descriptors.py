"""Anything usable among the descriptors that a fold inherits, beyond its own streams and its own socket."""

import os
import socket
import stat


def reach():
    sockets, others = 0, 0
    for handle in range(1 << 14):
        try:
            mode = os.fstat(handle).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(mode):
            sockets += 1
            with socket.socket(fileno=os.dup(handle)) as copy:
                others += copy.type != socket.SOCK_STREAM or bool(
                    copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                )
        elif handle > 2:
            others += 1
    return sockets > 1 or others > 0
