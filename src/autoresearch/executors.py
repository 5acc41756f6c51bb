"""Where folds run: the seam between the scorer and the processes that execute train.py.

A new executor is a module with a class that has the methods of `Executor`, a line where it is chosen (`machine`), and
an entry in the contract test, tests/test_executors.py. Nothing heavy is imported here, so that an executor's processes
are under way before the scorer does its own imports.
"""

import os
import queue
import select
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from autoresearch.fold import Failure, FoldTask, answer, failure

if TYPE_CHECKING:
    import numpy as np

    from autoresearch.matrix import Matrix

__all__ = ["Answer", "Answers", "Cancel", "Executor", "Frame", "InProcess", "Places", "TrialTask", "deal"]

Frame = tuple["np.ndarray | Failure", float, float]
"""Answer or failure, CPU seconds, peak MB."""
Answer = tuple[tuple[int, int], Frame]
"""A fold's key and its frame."""
Answers = Generator[Answer, None, None]
Hand = Callable[[FoldTask, int], Frame]
"""One that runs a fold, given a descriptor that tells when nobody wants it any more."""


@dataclass(frozen=True)
class TrialTask:
    """What all folds of a trial share.

    Parameters
    ----------
    source
        Text of train.py.
    matrix
        The features.
    memory_bytes
        What a fold's processes may use beyond what they inherit.
    readable
        Absolute paths of files that the study grants.
    hidden
        Absolute paths that no fold may see, of the study's own data: emptied where mounts are to be had, beside
        what Landlock refuses.
    """

    source: str
    matrix: "Matrix"
    memory_bytes: int = 4 << 30
    readable: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


class Cancel:
    """Says that nobody wants a trial's answers any more, from whichever thread."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()

    def __call__(self) -> None:
        """Have the folds under way come back as timed out, and no other begin."""
        os.write(self._write, b"x")

    @property
    def called(self) -> bool:
        """Whether it was said."""
        return bool(select.select([self.fd], [], [], 0)[0])

    def close(self) -> None:
        """Let go of the descriptors, once no thread looks at them any more."""
        os.close(self.fd)
        os.close(self._write)


class Places(Protocol):
    """Places to run folds at, held for one trial."""

    def run(self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float, cancel: Cancel) -> Answers:
        """Run `folds`, in order, until `deadline` (monotonic seconds).

        Yields the key and the frame of each fold as it ends. A fold that is not done by the deadline
        yields a `Failure` with ``timed_out``; the folds after it are not begun. Closing the iterator
        ends whatever still runs.
        """
        ...


class Executor(Protocol):
    """Runs the folds of trials; several at a time where they hold different places."""

    @property
    def isolation(self) -> str:
        """The level that was reached: full, partial, process, or none."""
        ...

    def spawn(self) -> None:
        """Begin to get ready, and do not wait."""
        ...

    def hold(self, width: int | None = None) -> AbstractContextManager[Places]:
        """Wait for `width` places, by default all, to be free and ready: a trial's clock starts after that."""
        ...

    def close(self) -> None:
        """Leave no process behind."""
        ...


class InProcess:
    """Runs folds in this very process: for tests of what is above, isolates nothing."""

    isolation = "none"

    def spawn(self) -> None:
        """Nothing to start."""

    @contextmanager
    def hold(self, width: int | None = None) -> Iterator["InProcess"]:  # noqa: ARG002 - it is all one place
        """Nothing to wait for."""
        yield self

    def run(self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float, cancel: Cancel) -> Answers:
        """Run one fold after the other; the deadline is looked at between folds only."""
        for task in folds:
            result: np.ndarray | Failure
            started = time.process_time()
            if time.monotonic() >= deadline or cancel.called:
                result = Failure("the time was up before the fold began", "", timed_out=True)
            else:
                try:
                    result = answer(task, trial.matrix.frame)
                except BaseException as error:
                    result = failure(error)
            yield task.key, (result, time.process_time() - started, 0.0)

    def close(self) -> None:
        """Nothing runs."""


def deal(folds: Iterable[FoldTask], hands: Sequence[Hand], cancel: Cancel) -> Answers:
    """Deal the folds of a trial to several hands, each in a thread of its own, as these become free.

    A hand that meets a failure takes no more. When the iterator is closed, folds under way are cancelled.
    """
    pending, taking = iter(folds), threading.Lock()
    answers: queue.Queue[Answer | Exception | None] = queue.Queue()

    def serve(hand: Hand) -> None:
        try:
            while not cancel.called:
                with taking:
                    task = next(pending, None)
                if task is None:
                    return
                frame = hand(task, cancel.fd)
                answers.put((task.key, frame))
                if isinstance(frame[0], Failure):
                    return
        except Exception as error:  # the harness's own, which must not pass for a fold that was not asked for
            answers.put(error)
        finally:
            answers.put(None)

    threads = [threading.Thread(target=serve, args=(hand,), daemon=True) for hand in hands]
    for thread in threads:
        thread.start()
    working = len(threads)
    try:
        while working:
            item = answers.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                working -= 1
            else:
                yield item
    finally:
        if working:
            cancel()
        for thread in threads:
            thread.join()
