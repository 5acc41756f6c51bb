"""The search: the loop without an agent. A policy chooses compositions of variants, each a real trial."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autoresearch.checks import overwritable
from autoresearch.errors import AutoresearchError, DuplicateError, RunOverError
from autoresearch.files import write_whole
from autoresearch.history import History
from autoresearch.library import Composition, compositions, recognised
from autoresearch.loop import Loop, Outcome
from autoresearch.policies import nearest_untried
from autoresearch.trial import Trial

__all__ = ["Search"]


@dataclass
class Search:
    """A search over the library's compositions in the current run.

    Parameters
    ----------
    seed
        Draws the order.
    heard
        Called with each outcome as it is there.
    clock
        Monotonic seconds.
    """

    loop: Loop
    seed: int
    heard: Callable[[Outcome], None]
    clock: Callable[[], float] = time.monotonic
    _by_code: dict[str, Composition | None] = field(default_factory=dict, init=False)

    def run(self, trials: int, minutes: float | None) -> History:
        """Make up to `trials` trials within `minutes`; ends early when all was tried or the run is over."""
        workspace = self.loop.workspace
        history = workspace.current()
        study = history.run.study
        prepared = workspace.prepared(study)
        space = compositions(study.study.task, messy=prepared is not None and prepared.messy)
        rng = np.random.default_rng(self.seed)
        deadline = None if minutes is None else self.clock() + 60 * minutes
        made, skipped = 0, set[Composition]()
        while made < trials and (deadline is None or self.clock() < deadline):
            history = workspace.current()
            tried = {found for trial in history.iterations if (found := self._composition(trial))} | skipped
            incumbent = self._composition(history.incumbent)
            chosen = nearest_untried(space, tried, incumbent, rng)
            if chosen is None:
                break
            try:
                outcome = self._try(history, chosen, incumbent)
            except DuplicateError:
                skipped.add(chosen)  # differs from an earlier one in seeds alone
                continue
            except RunOverError:
                break
            made += 1
            self.heard(outcome)
        return workspace.current()

    def _composition(self, trial: Trial) -> Composition | None:
        if trial.code not in self._by_code:
            self._by_code[trial.code] = recognised(trial.source)
        return self._by_code[trial.code]

    def _try(self, history: History, chosen: Composition, incumbent: Composition | None) -> Outcome:
        overwritable(self.loop.workspace, history, "search")
        text = chosen.source(chosen.hypothesis(incumbent))
        write_whole(self.loop.workspace.train, text.encode())
        try:
            return self.loop.step()
        except AutoresearchError:  # refused before a trial began: the text is the search's own, and goes
            write_whole(self.loop.workspace.train, history.parent.source.encode())
            raise
