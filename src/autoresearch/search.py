"""The search: the loop without an agent. Chooses compositions of variants, each a real trial, several at a time.

The choice of the i-th trial rests on the results of the trials up to i - width, however fast the others are: so the
sequence depends on the seed alone, and a search that was killed goes on as if it had not been. Only this thread
touches the record; the others wait for the scorer.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice

from autoresearch import acceptance
from autoresearch.checks import overwritable
from autoresearch.choosing import Catalogue, Chooser, Modes, library_space
from autoresearch.errors import DuplicateError, RunOverError
from autoresearch.history import History
from autoresearch.library import Composition, recognised
from autoresearch.loop import Loop, Outcome
from autoresearch.pruning import futile
from autoresearch.run import SearchRecord
from autoresearch.source import fingerprints
from autoresearch.statistics import paired_gains
from autoresearch.trial import Evaluation, State, Trial
from autoresearch.tried import Tried, spelled

__all__ = ["Search"]

Found = Evaluation | BaseException
OFFERS = 40  # that are looked at before everything counts as tried


@dataclass
class Search:
    """A search over compositions in the current run.

    Parameters
    ----------
    seed
        Draws the order.
    heard
        Called with each outcome as it is there.
    width
        Trials begun at a time: measured, or waiting for a free core.
    catalogue
        What is composed; by default the library.
    chooser
        Chooses what to try; by default `Modes` over the catalogue.
    clock
        Monotonic seconds.
    """

    loop: Loop
    seed: int
    heard: Callable[[Outcome], None]
    width: int = 1
    catalogue: Catalogue | None = None
    chooser: Chooser | None = None
    clock: Callable[[], float] = time.monotonic
    _why: dict[int, str] = field(default_factory=dict, init=False)
    _pending: dict[int, "queue.Queue[Found]"] = field(default_factory=dict, init=False)
    _hopeless: dict[int, str] = field(default_factory=dict, init=False)

    def run(self, trials: int, minutes: float | None) -> History:
        """Make up to `trials` trials within `minutes`; ends early when all was tried or the run is over.

        What is still being measured when the minutes are over is abandoned. The same call after one that was killed
        goes on with what is left of its budget.
        """
        workspace = self.loop.workspace
        with self.loop.at_work("search"):
            history = workspace.current()
            overwritable(workspace, history, "search")
            self._enter_baseline(history)
            record = self._record(history, trials, minutes)
            begun = self._begun(history, record)
            under_way: list[Trial] = []
            with self._timed(record) as left:
                try:
                    going = True
                    while going or under_way:
                        while going and len(under_way) < record.width:
                            wanted = begun < record.trials and left() > 0
                            trial = self._next(record, begun, under_way) if wanted else None
                            going = trial is not None
                            if trial is not None:
                                self._measure(trial, _told(workspace.current(), record, begun))
                                begun += 1
                                under_way.append(trial)
                        if under_way and not self._conclude(under_way, left()):
                            self._wind_up(under_way)
                            break
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
    def _timed(self, record: SearchRecord) -> Iterator[Callable[[], float]]:
        """Count the time that is spent; gives the seconds that are left."""
        started = self.clock()

        def spent() -> float:
            return record.seconds + self.clock() - started

        try:
            yield lambda: math.inf if record.minutes is None else 60 * record.minutes - spent()
        finally:
            self.loop.workspace.ledger.save_search(replace(record, seconds=spent()))

    def _begun(self, history: History, record: SearchRecord) -> int:
        return len(_own(history, record))

    def _next(self, record: SearchRecord, begun: int, under_way: list[Trial]) -> Trial | None:
        """Choose and enter the next trial; None when everything was tried or the run is over."""
        workspace, history = self.loop.workspace, self.loop.workspace.current()
        if history.used_iterations + len(under_way) >= history.run.study.budget.iterations:
            return None
        known = {trial.n for trial in _told(history, record, begun).trials}
        tried = [
            found if found.n in known else Tried(found.n, found.choice, found.params, state=State.RUNNING)
            for found in workspace.digests().tried()
            if found.state is not State.INTERRUPTED
        ]
        for chosen in islice(self._chooser(history, record).offers(tried), OFFERS):
            try:
                trial = self.loop.begin(chosen.text, (chosen.choice, chosen.params))
            except DuplicateError:
                continue
            except RunOverError:
                return None
            self._why[trial.n] = chosen.why
            return trial
        return None

    def _chooser(self, history: History, record: SearchRecord) -> Chooser:
        if self.chooser is None:
            catalogue = self.catalogue or self._library(history)
            budget = record.first + record.trials
            self.chooser = Modes(catalogue, history.metric, history.baseline.ratio, record.seed, budget)
        return self.chooser

    def _library(self, history: History) -> Catalogue:
        study, prepared = history.run.study, self.loop.workspace.prepared(history.run.study)
        assert prepared
        return Catalogue(library_space(study.study.task, prepared.things(study), messy=prepared.messy), Composition.of)

    def _enter_baseline(self, history: History) -> None:
        """Let a baseline that is a composition count as one."""
        ledger, tag = self.loop.workspace.ledger, history.run.tag
        if ledger.read("SELECT 1 FROM choice WHERE tag = ? AND n = 0", tag):
            return
        if self.catalogue is None:
            found = recognised(history.baseline.source)
        else:
            found = self.catalogue.compose(*spelled(self.catalogue.space.slots, self.catalogue.space.start))
            found = found if found and fingerprints(found.source("")).code == history.baseline.code else None
        if found:
            ledger.add_choice(tag, 0, {variant.slot: variant.name for variant in found.choice}, {})

    def _measure(self, trial: Trial, told: History) -> None:
        """Have the scorer measure a trial, on one core where several are under way, as long as it can still pass."""
        run, incumbent = told.run, told.incumbent
        scorer, rule = self.loop.scorer_of(run.study), acceptance.lookup(run.study.acceptance.rule)
        planned = min(run.repeats, len(incumbent.scores))
        answer: queue.Queue[Found] = queue.Queue()

        def go_on(scores: Sequence[tuple[float, ...]]) -> bool:
            gain = paired_gains(told.metric, incumbent.scores, scores, incumbent.ratio)
            why = futile(rule, gain, planned)
            if why:
                self._hopeless[trial.n] = why
            return why is None

        def ask() -> None:
            try:
                width = 1 if self.width > 1 else None
                answer.put(scorer.evaluate(trial.source, run.repeats, width, go_on if planned > 1 else None))
            except BaseException as error:
                answer.put(error)

        self._pending[trial.n] = answer
        threading.Thread(target=ask, daemon=True).start()  # which a Ctrl-C does not wait for

    def _wind_up(self, under_way: list[Trial]) -> None:
        """Keep what was measured behind a slow trial when the time is over, abandon the rest."""
        measured = [trial for trial in under_way if not self._pending[trial.n].empty()]
        self.loop.abandon(trial for trial in under_way if trial not in measured)
        under_way[:] = measured
        while under_way:
            self._conclude(under_way, 0.0)

    def _conclude(self, under_way: list[Trial], seconds: float) -> bool:
        """Wait so long for the oldest trial under way, judge it and settle it; whether it came in that time."""
        trial = under_way[0]
        try:
            found = self._pending[trial.n].get(timeout=None if math.isinf(seconds) else max(0.0, seconds))
        except queue.Empty:
            return False
        if isinstance(found, BaseException):
            raise found
        if found.state is State.PRUNED:
            found = replace(found, note=self._hopeless.pop(trial.n, ""))
        outcome = self.loop.conclude(trial, found)
        del under_way[0], self._pending[trial.n]
        self.heard(replace(outcome, notes=(*outcome.notes, self._why.pop(trial.n))))
        return True


def _own(history: History, record: SearchRecord) -> list[Trial]:
    """The trials of a search that ended, in order."""
    ended = (State.RUNNING, State.INTERRUPTED)
    return [t for t in history.trials[record.first :] if t.searched and t.state not in ended]


def _told(history: History, record: SearchRecord, begun: int) -> History:
    """What the next trial rests on: the trials before the search, and of its own those up to i - width."""
    own = _own(history, record)[: max(0, begun + 1 - record.width)]
    return replace(history, trials=[*history.trials[: record.first], *own])
