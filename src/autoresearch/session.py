"""A loop put together from its real parts; what is heavy is imported when it is first needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autoresearch.loop import Loop
from autoresearch.prepared import Prepared
from autoresearch.service import RemoteScorer
from autoresearch.study import Study
from autoresearch.trial import ScorerLike
from autoresearch.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from autoresearch.scorer import Scorer

__all__ = ["local_scorer", "open_loop"]


def local_scorer(workspace: Workspace, study: Study, prepared: Prepared) -> "Scorer":
    """A scorer in this very process, with cells of its own: for the audit and the demo, which come once."""
    from autoresearch.machine import local_executor

    executor = local_executor()
    executor.spawn()  # its imports go on beside the scorer's
    import sklearn.model_selection  # noqa: F401 - which splits and metrics would import later, with nothing beside it

    from autoresearch.scorer import Scorer

    return Scorer(workspace.root, study, prepared, executor, workspace.predictions)


@contextmanager
def open_loop(start: Path | None = None, *, warm: bool = True) -> Iterator[Loop]:
    """Open the study around `start`, by default the current folder.

    Parameters
    ----------
    warm
        Measure in the repository's scorer service, which stays warm; else in this process, which leaves none behind.
    """
    workspace = open_workspace(start)

    def scorer(study: Study, prepared: Prepared) -> ScorerLike:
        if not warm:
            return local_scorer(workspace, study, prepared)
        return RemoteScorer(workspace.root, workspace.git.common_dir, workspace.predictions, study)

    def prepare(study: Study) -> Prepared:
        from autoresearch.data import prepare

        return prepare(workspace.root, study)

    loop = Loop(workspace, scorer, prepare)
    try:
        yield loop
    finally:
        loop.close()
        workspace.ledger.close()
