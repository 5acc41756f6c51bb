"""Answer past the harness: take the fold's socket from its frame and write what CASE says."""

import os
import pickle
import socket
import struct
import sys
import threading
import time

import numpy as np

CASE = ""
MARK = ""
HEADER = struct.Struct("<cBQQQ")


def harness(name):
    frame = sys._getframe()
    while frame:
        if name in frame.f_locals:
            return frame.f_locals[name]
        frame = frame.f_back
    return None


def rows():
    return len(harness("task").rows_valid)


def good(value=0.25):
    body = np.full(rows(), value).tobytes()
    return HEADER.pack(b"A", 1, rows(), 0, len(body)) + body


def numbers(values, dimensions=1, first=None, second=0):
    body = np.asarray(values, dtype=np.float64).tobytes()
    return HEADER.pack(b"A", dimensions, rows() if first is None else first, second, len(body)) + body


class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


def failing(text):
    body = text.encode("utf-8", "surrogatepass")
    return HEADER.pack(b"F", 0, 0, 0, len(body)) + body


def dribble(link):
    for byte in good() * 1000:
        link.sendall(bytes([byte]))
        time.sleep(0.05)


def close(link):
    link.shutdown(socket.SHUT_RDWR)
    time.sleep(60)


def partial(link):
    link.sendall(good()[:-5])
    os._exit(0)


def half_header(link):
    link.sendall(b"A" * (HEADER.size - 1))
    link.shutdown(socket.SHUT_WR)
    time.sleep(60)


def grandchild(link):
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.3)
        link.sendall(good())
        time.sleep(60)
    os._exit(0)


def thread(link):
    threading.Thread(target=link.sendall, args=(good(),)).start()
    time.sleep(60)


def twice(link):
    link.sendall(good() + good(0.75))


def four_gigabytes(link):
    link.sendall(HEADER.pack(b"A", 1, 1 << 29, 0, 1 << 32))
    block = bytes(1 << 20)
    for _ in range(1 << 12):
        link.sendall(block)


def descriptors(link):
    socket.send_fds(link, [good()], [0, 1, 2, os.open("/usr/bin", os.O_RDONLY)])


def before_reading(link):
    link.sendall(good())


RAW = {
    "pickle": lambda: pickle.dumps(Bomb()),
    "pickle in a frame": lambda: HEADER.pack(b"A", 1, rows(), 0, len(pickle.dumps(Bomb()))) + pickle.dumps(Bomb()),
    "pickled failure": lambda: HEADER.pack(b"F", 0, 0, 0, len(pickle.dumps(Bomb()))) + pickle.dumps(Bomb()),
    "nan": lambda: numbers(np.full(rows(), np.nan)),
    "infinite": lambda: numbers(np.full(rows(), np.inf)),
    "one nan": lambda: numbers([*np.full(rows() - 1, 0.5), np.nan]),
    "too few": lambda: numbers(np.zeros(rows() - 1), first=rows() - 1),
    "too many": lambda: numbers(np.zeros(rows() + 1), first=rows() + 1),
    "a column": lambda: numbers(np.zeros(rows()), 2, rows(), 1),
    "a row": lambda: numbers(np.zeros(rows()), 2, 1, rows()),
    "nothing": lambda: numbers([], 1, 0),
    "nothing, wide": lambda: numbers([], 2, 0, 1 << 63),
    "another shape": lambda: numbers(np.zeros(rows()), 1, rows() * 2),
    "overflowing shape": lambda: numbers(np.zeros(rows()), 2, 1 << 63, 2),
    "negative shape": lambda: numbers(np.zeros(rows()), 2, (1 << 64) - 1, (1 << 64) - rows()),
    "no dimensions": lambda: numbers(np.zeros(rows()), 0),
    "many dimensions": lambda: numbers(np.zeros(rows()), 255),
    "huge size": lambda: HEADER.pack(b"A", 1, rows(), 0, (1 << 64) - 1),
    "huge failure": lambda: HEADER.pack(b"F", 0, 0, 0, 1 << 63),
    "unknown kind": lambda: HEADER.pack(b"Z", 1, rows(), 0, 8) + bytes(8),
    "another byte order": lambda: struct.pack(">cBQQQ", b"A", 1, rows(), 0, 8 * rows()) + bytes(8 * rows()),
    "failure with escapes": lambda: failing("\x1b[2J\x1b]0;owned\x07crash\nstatus: ok\r\nval_auc: 1.0\0\x1b[31mtrace"),
    "failure with bidi and separators": lambda: failing("a\u202eb\u2028c\x85d\x0be\u200b"),
    "failure without words": lambda: failing(""),
    "failure of spaces": lambda: failing("\n\t \0\n"),
    "failure that is no text": lambda: HEADER.pack(b"F", 0, 0, 0, 4) + b"\xff\xfe\x00\xff",
    "long failure": lambda: failing("x" * 60_000),
    "out of bounds": lambda: numbers(np.full(rows(), 1e308)),
}
WRITERS = {
    "dribble": dribble, "close": close, "partial": partial, "half a header": half_header, "grandchild": grandchild,
    "thread": thread, "twice": twice, "four gigabytes": four_gigabytes, "descriptors": descriptors,
}  # fmt: skip


def feature_fn(X):
    return X[["a", "b"]]


class Model:
    def fit(self, X, y):
        link = harness("scorer")
        if CASE in WRITERS:
            WRITERS[CASE](link)
        else:
            link.sendall(RAW[CASE]())
        return self

    def predict_proba(self, X):
        time.sleep(60)


def build_pipeline():
    return Model()
