"""Sockets: abstract and named unix ones, TCP and UDP on the loopback, each served by a daemon."""

import contextlib
import os
import select
import socket

PORT = 48917


def addresses(fold):
    return [
        (socket.AF_UNIX, socket.SOCK_STREAM, f"\0autoresearch-attack-{fold}"),
        (socket.AF_UNIX, socket.SOCK_STREAM, f"/tmp/autoresearch-attack-left-socket-{fold}"),
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT + fold)),
        (socket.AF_INET6, socket.SOCK_STREAM, ("::1", PORT + fold)),
    ]


def leave(fold, message):
    servers = []
    for family, kind, address in addresses(fold):
        with contextlib.suppress(OSError):
            server = socket.socket(family, kind)
            server.bind(address)
            server.listen(8)
            servers.append(server)
    if not servers or os.fork():
        return
    os.setsid()
    until = 200
    while until:
        for server in select.select(servers, [], [], 0.01)[0]:
            server.accept()[0].sendall(message)
        until -= 1
    os._exit(0)


def find(fold):
    for family, kind, address in addresses(fold):
        with contextlib.suppress(OSError), socket.socket(family, kind) as client:
            client.settimeout(0.1)
            client.connect(address)
            return client.recv(64)
    return None
