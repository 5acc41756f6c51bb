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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from autoresearch.fold import Failure, FoldTask, answer, failure

if TYPE_CHECKING:
    import numpy as np

    from autoresearch.matrix import Matrix

__all__ = ["Dealer", "Executor", "Frame", "InProcess", "TrialTask"]

Frame = tuple["np.ndarray | Failure", float, float]
"""Answer or failure, CPU seconds, peak MB."""
Hand = tuple[Callable[[FoldTask, int], Frame], Callable[[], None]]
"""One that runs folds: how it is asked, given a descriptor that tells of a cancelled trial; and how it is let go."""


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


class Executor(Protocol):
    """Runs folds and yields their answers as they come; called by the scorer alone, one trial at a time."""

    @property
    def isolation(self) -> str:
        """The level that was reached: full, partial, process, or none."""
        ...

    def spawn(self) -> None:
        """Begin to get ready, and do not wait."""
        ...

    def warm(self) -> None:
        """Get ready before a trial's clock starts."""
        ...

    def run(
        self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float
    ) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Run `folds`, in order, until `deadline` (monotonic seconds).

        Yields the key and the frame of each fold as it ends. A fold that is not done by the deadline
        yields a `Failure` with ``timed_out``; the folds after it are not begun. Closing the iterator
        ends whatever still runs.
        """
        ...

    def cancel(self) -> None:
        """End the trial under way, from whichever thread: its folds come back as timed out."""
        ...

    def close(self) -> None:
        """Leave no process behind."""
        ...


class InProcess:
    """Runs folds in this very process: for tests of what is above, isolates nothing."""

    isolation = "none"

    def spawn(self) -> None:
        """Nothing to start."""

    def warm(self) -> None:
        """Nothing to start."""

    def run(
        self, trial: TrialTask, folds: Iterable[FoldTask], deadline: float
    ) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Run one fold after the other; the deadline is looked at between folds only."""
        for task in folds:
            result: np.ndarray | Failure
            started = time.process_time()
            if time.monotonic() >= deadline:
                result = Failure("the time was up before the fold began", "", timed_out=True)
            else:
                try:
                    result = answer(task, trial.matrix.frame)
                except BaseException as error:
                    result = failure(error)
            yield task.key, (result, time.process_time() - started, 0.0)

    def cancel(self) -> None:
        """Nothing can: the fold runs in the caller's own thread."""

    def close(self) -> None:
        """Nothing runs."""


class Dealer:
    """Deals the folds of a trial to several hands, each in a thread of its own."""

    def __init__(self) -> None:
        self._cancel = -1

    def deal(self, folds: Iterable[FoldTask], hands: Sequence[Hand]) -> Iterator[tuple[tuple[int, int], Frame]]:
        """Give each hand the next fold as it becomes free; one that meets a failure takes no more."""
        pending, taking = iter(folds), threading.Lock()
        cancelled, self._cancel = os.pipe()
        answers: queue.Queue[tuple[tuple[int, int], Frame] | None] = queue.Queue()

        def serve(hand: Hand) -> None:
            ask, release = hand
            try:
                while not select.select([cancelled], [], [], 0)[0]:
                    with taking:
                        task = next(pending, None)
                    if task is None:
                        return
                    frame = ask(task, cancelled)
                    answers.put((task.key, frame))
                    if isinstance(frame[0], Failure):
                        return
            finally:
                release()
                answers.put(None)

        threads = [threading.Thread(target=serve, args=(hand,), daemon=True) for hand in hands]
        for thread in threads:
            thread.start()
        try:
            working = len(threads)
            while working:
                item = answers.get()
                if item is None:
                    working -= 1
                else:
                    yield item
        finally:
            self.cancel()
            for thread in threads:
                thread.join()
            cancel, self._cancel = self._cancel, -1
            os.close(cancel)
            os.close(cancelled)

    def cancel(self) -> None:
        """Take back what was dealt: folds under way come back as timed out."""
        if self._cancel >= 0:
            os.write(self._cancel, b"x")
