"""The executor that fits this machine."""

import sys

from autoresearch.executors import Executor

__all__ = ["local_executor"]


def local_executor() -> Executor:
    """Forked cells on Linux, single-use workers where forking after heavy imports is not safe."""
    if sys.platform == "linux":
        from autoresearch.cells import LocalCells

        return LocalCells()
    from autoresearch.workers import SingleUseWorkers

    return SingleUseWorkers()
