"""A loop put together from its real parts; what is heavy is imported when it is first needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoresearch.loop import Loop
from autoresearch.prepared import Prepared
from autoresearch.study import Study
from autoresearch.trial import ScorerLike
from autoresearch.workspace import Workspace, open_workspace

__all__ = ["open_loop", "real_scorer"]


def real_scorer(workspace: Workspace, study: Study, prepared: Prepared) -> ScorerLike:
    """The scorer with one cell per core."""
    from autoresearch.executors import LocalCells
    from autoresearch.scorer import Scorer

    return Scorer(workspace.root, study, prepared, LocalCells(), workspace.predictions)


@contextmanager
def open_loop(start: Path | None = None) -> Iterator[Loop]:
    """Open the study around `start` (the current folder), and leave no process behind."""
    workspace = open_workspace(start)

    def scorer(study: Study, prepared: Prepared) -> ScorerLike:
        return real_scorer(workspace, study, prepared)

    def prepare(study: Study) -> Prepared:
        from autoresearch.data import prepare

        return prepare(workspace.root, study)

    loop = Loop(workspace, scorer, prepare)
    try:
        yield loop
    finally:
        loop.close()
        workspace.ledger.close()
