"""Datagrams: UDP on the loopback, and unix ones sent from a socket pair to an abstract name."""

import socket

PORT = 48927
BOX = []
LEFT = []


def box(fold):
    if not BOX:
        for family, address in ((socket.AF_INET, ("127.0.0.1", PORT + fold)), (socket.AF_UNIX, f"\0attack-box-{fold}")):
            received = socket.socket(family, socket.SOCK_DGRAM)
            received.bind(address)
            received.setblocking(False)
            BOX.append(received)
    return BOX


def send(fold):
    for message in LEFT:
        for kind, address in ((socket.AF_INET, ("127.0.0.1", PORT + fold)), (socket.AF_UNIX, f"\0attack-box-{fold}")):
            try:
                if kind == socket.AF_UNIX:
                    socket.socketpair(kind, socket.SOCK_DGRAM)[0].sendto(message, address)
                else:
                    socket.socket(kind, socket.SOCK_DGRAM).sendto(message, address)
            except OSError:
                continue


def leave(fold, message):
    LEFT.append(message)
    box(fold)


def find(fold):
    send(fold)
    for received in box(1 - fold):
        try:
            return received.recv(64)
        except OSError:
            continue
    return None
