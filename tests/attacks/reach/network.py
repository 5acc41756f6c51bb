"""Reach the network: TCP, UDP, raw packets, netlink, vsock; PORT is one on which somebody listens."""

import socket

PORT = 0


def reach():
    for family, kind in (
        (socket.AF_INET, socket.SOCK_STREAM),
        (socket.AF_INET, socket.SOCK_DGRAM),
        (socket.AF_NETLINK, socket.SOCK_RAW),
        (socket.AF_VSOCK, socket.SOCK_STREAM),
        (socket.AF_PACKET, socket.SOCK_RAW),
        (socket.AF_UNIX, socket.SOCK_STREAM),
    ):
        try:
            with socket.socket(family, kind) as mine:
                mine.settimeout(0.5)
                if family == socket.AF_INET and kind == socket.SOCK_STREAM:
                    mine.connect(("127.0.0.1", PORT))
        except OSError:
            continue
        return True
    return False
