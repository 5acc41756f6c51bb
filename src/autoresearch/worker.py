"""A single-use worker, ``python -m autoresearch.worker FD FOLDER``: imports, waits for one fold, answers, dies."""

import contextlib
import os
import pickle
import resource
import socket
import sys

from autoresearch.confinement import FOLDER_BYTES
from autoresearch.fold import FoldTask, answer
from autoresearch.frames import answer_frame, failure_frame
from autoresearch.preload import WARM, preload, rehearse

__all__ = ["main"]


def main() -> None:
    """Serve one fold."""
    scorer = socket.socket(fileno=int(sys.argv[1]))
    os.chdir(sys.argv[2])
    preload(WARM)
    rehearse()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FOLDER_BYTES, FOLDER_BYTES))
    with scorer.makefile("rb") as stream:
        try:
            task, features = pickle.load(stream)  # noqa: S301 - from the scorer, the trusted direction
        except EOFError:
            return
    try:
        assert isinstance(task, FoldTask)
        frame = answer_frame(answer(task, features))
    except BaseException as error:  # whatever train.py raises, exit included, is this fold's failure
        frame = failure_frame(error)
    with contextlib.suppress(BaseException):
        scorer.sendall(frame)
    os._exit(0)


if __name__ == "__main__":
    main()
