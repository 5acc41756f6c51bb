"""The search: the loop without an agent. Chooses compositions of variants, each a real trial, several at a time.

The choice of the i-th trial rests on the results of the trials up to i - width, however fast the others are: so the
sequence depends on the seed alone, and a search that was killed goes on as if it had not been. Only this thread
touches the record; the others wait for the scorer.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from autoresearch.checks import overwritable
from autoresearch.errors import DuplicateError, RunOverError
from autoresearch.history import History
from autoresearch.library import Composition, compositions, recognised
from autoresearch.loop import Loop, Outcome
from autoresearch.policies import nearest_untried
from autoresearch.run import SearchRecord
from autoresearch.trial import Evaluation, State, Trial

__all__ = ["Search"]

Found = Evaluation | BaseException


@dataclass
class Search:
    """A search over the library's compositions in the current run.

    Parameters
    ----------
    seed
        Draws the order.
    heard
        Called with each outcome as it is there.
    width
        Trials under way at a time.
    clock
        Monotonic seconds.
    """

    loop: Loop
    seed: int
    heard: Callable[[Outcome], None]
    width: int = 1
    clock: Callable[[], float] = time.monotonic
    _by_code: dict[str, Composition | None] = field(default_factory=dict, init=False)
    _pending: dict[int, "queue.Queue[Found]"] = field(default_factory=dict, init=False)

    def run(self, trials: int, minutes: float | None) -> History:
        """Make up to `trials` trials within `minutes`; ends early when all was tried or the run is over.

        The same call after one that was killed goes on with what is left of its budget.
        """
        workspace = self.loop.workspace
        with self.loop.at_work("search"):
            history = workspace.current()
            overwritable(workspace, history, "search")
            record = self._record(history, trials, minutes)
            begun = self._begun(history, record)
            under_way: list[Trial] = []
            with self._timed(record) as left:
                try:
                    going = True
                    while going or under_way:
                        while going and len(under_way) < record.width:
                            trial = self._next(record, begun, under_way) if begun < record.trials and left() else None
                            going = trial is not None
                            if trial is not None:
                                begun += 1
                                under_way.append(trial)
                                self._measure(trial, history.run.repeats)
                        if under_way:
                            self._conclude(under_way)
                except BaseException:
                    self.loop.abandon(under_way)
                    raise
            workspace.ledger.save_search(replace(record, seconds=0.0, ended=True))
            return workspace.current()

    def _record(self, history: History, trials: int, minutes: float | None) -> SearchRecord:
        """The search that this one goes on with, or a new one."""
        ledger, tag = self.loop.workspace.ledger, history.run.tag
        wanted = SearchRecord(tag, len(history.trials), self.seed, trials, minutes, self.width)
        if (found := ledger.open_search(tag)) and replace(found, first=wanted.first, seconds=0.0) == wanted:
            return found
        ledger.add_search(wanted)
        return wanted

    @contextmanager
    def _timed(self, record: SearchRecord) -> Iterator[Callable[[], bool]]:
        """Count the time that is spent; gives whether there is some left."""
        started = self.clock()

        def spent() -> float:
            return record.seconds + self.clock() - started

        try:
            yield lambda: record.minutes is None or spent() < 60 * record.minutes
        finally:
            self.loop.workspace.ledger.save_search(replace(record, seconds=spent()))

    def _begun(self, history: History, record: SearchRecord) -> int:
        return len(_own(history, record))

    def _next(self, record: SearchRecord, begun: int, under_way: list[Trial]) -> Trial | None:
        """Choose and enter the next trial; None when everything was tried or the run is over."""
        history = self.loop.workspace.current()
        if history.used_iterations + len(under_way) >= history.run.study.budget.iterations:
            return None
        prepared = self.loop.workspace.prepared(history.run.study)
        space = compositions(history.run.study.study.task, messy=prepared is not None and prepared.messy)
        own = _own(history, record)
        known = {trial.n for trial in own[: max(0, begun + 1 - record.width)]}
        tried = {found for trial in [*history.iterations, *under_way] if (found := self._composition(trial))}
        kept = [t for t in history.kept if t.n < record.first or t.n in known]
        incumbent = self._composition(kept[-1])
        rng = np.random.default_rng([record.seed, begun])
        while chosen := nearest_untried(space, tried, incumbent, rng):
            try:
                return self.loop.begin(chosen.source(chosen.hypothesis(incumbent)), chosen.to_json())
            except DuplicateError:
                tried.add(chosen)  # differs from an earlier one in seeds alone
            except RunOverError:
                return None
        return None

    def _composition(self, trial: Trial) -> Composition | None:
        if trial.code not in self._by_code:
            known = Composition.from_json(trial.choice) if trial.choice else None
            self._by_code[trial.code] = known or recognised(trial.source)
        return self._by_code[trial.code]

    def _measure(self, trial: Trial, repeats: int) -> None:
        """Have the scorer measure a trial, on one core where several are under way."""
        study = self.loop.workspace.ledger.find_run(trial.tag)
        assert study
        scorer = self.loop.scorer_of(study.study)
        answer: queue.Queue[Found] = queue.Queue()

        def ask() -> None:
            try:
                answer.put(scorer.evaluate(trial.source, repeats, 1 if self.width > 1 else None))
            except BaseException as error:
                answer.put(error)

        self._pending[trial.n] = answer
        threading.Thread(target=ask, daemon=True).start()  # which a Ctrl-C does not wait for

    def _conclude(self, under_way: list[Trial]) -> None:
        """Wait for the oldest trial under way, judge it and settle it."""
        found = self._pending.pop(under_way[0].n).get()
        if isinstance(found, BaseException):
            raise found
        outcome = self.loop.conclude(under_way[0], found)
        under_way.pop(0)
        self.heard(outcome)


def _own(history: History, record: SearchRecord) -> list[Trial]:
    """The trials of a search that ended, in order."""
    ended = (State.RUNNING, State.INTERRUPTED)
    return [t for t in history.trials[record.first :] if t.choice is not None and t.state not in ended]
