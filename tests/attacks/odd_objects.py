"""Estimators whose predictions, and exceptions whose text, are objects with a will of their own; CASE names one."""

import sys

import numpy as np

CASE = ""


class Liar(np.ndarray):
    """An array that says of itself what it likes."""

    shape = property(lambda self: (10**6, 10**6))
    dtype = property(lambda self: "perfect")
    nbytes = property(lambda self: 2**62)

    def __len__(self):
        return 3

    def tobytes(self, *_):
        return b"\x80\x04cos\nsystem\n"


class Arrays:
    """Nothing but a conversion to an array."""

    def __array__(self, dtype=None, copy=None):
        return np.full((64, 2), 0.5).view(Liar)


class NoisyError(Exception):
    """Its text is an attack on a terminal, or does not come at all."""

    def __str__(self):
        if CASE == "text that raises":
            raise RuntimeError(CASE)
        return "\x1b[2Jcleared\nstatus: ok\n\u202eval_auc: 1.0\r" + "y" * 100_000


class EndlessError(Exception):
    """Its text is of many megabytes."""

    def __str__(self):
        return "z" * (1 << 26)


def deep(number):
    return deep(number + 1)


def chained():
    error = ValueError("the first")
    for number in range(3000):
        following = ValueError("x" * 1000, number)
        following.__cause__, error = error, following
    raise error


class MetaExit(SystemExit):
    pass


def feature_fn(X):
    return X[["a", "b"]]


class Model:
    def fit(self, X, y):
        if CASE == "exit":
            sys.exit("\x1b[31m0\nstatus: ok")
        if CASE in ("text of an exception", "text that raises"):
            raise NoisyError
        if CASE == "megabytes of text":
            raise EndlessError
        if CASE == "deep recursion":
            deep(0)
        if CASE == "a long chain":
            chained()
        if CASE == "own kind of exit":
            raise MetaExit(0)
        if CASE == "interrupt":
            raise KeyboardInterrupt
        if CASE == "group":
            raise BaseExceptionGroup("many\n", [ValueError("\x1b[1m")] * 50)
        if CASE == "named with escapes":
            raise type("Evil\x1b[2J\n", (Exception,), {})("text")
        return self

    def predict_proba(self, X):
        honest = np.full((len(X), 2), 0.5)
        return {
            "subclass": lambda: honest.view(Liar),
            "conversion": Arrays,
            "objects": lambda: np.array([[None, object()]] * len(X), dtype=object),
            "text": lambda: np.array([["a", "b"]] * len(X)),
            "complex": lambda: honest + 1j,
            "dates": lambda: honest.astype("datetime64[s]"),
            "records": lambda: np.zeros(len(X), dtype=[("a", float), ("b", float)]),
            "none": lambda: None,
            "generator": lambda: (row for row in honest),
            "masked": lambda: np.ma.masked_all((len(X), 2)),
            "big endian": lambda: np.tile([0.25, 0.75], (len(X), 1)).astype(">f4"),
            "strided": lambda: np.tile([0.25, 0.75], (2 * len(X), 1))[::-2],
            "integers": lambda: np.tile([0, 1], (len(X), 1)),
        }[CASE]()


def build_pipeline():
    return Model()
