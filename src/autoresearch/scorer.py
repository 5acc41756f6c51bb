"""The scorer: holds labels, folds and metrics, asks an executor for predictions, and never imports train.py."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from autoresearch import data, responses
from autoresearch.clusters import cluster_se, clusters
from autoresearch.executors import Cancel, Executor, Places, TrialTask
from autoresearch.fold import Failure, FoldTask
from autoresearch.matrix import Matrix
from autoresearch.messages import Message, message
from autoresearch.predictions import Predictions
from autoresearch.prepared import Prepared
from autoresearch.splits import Split, ratio, splits, verify
from autoresearch.study import Study
from autoresearch.trial import Evaluation, GoOn, State

__all__ = ["Scorer"]

_Answers = Iterator[tuple[tuple[int, int], np.ndarray]]


class _FoldError(Exception):
    """A fold gave no usable answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass
class _Running:
    """A trial under way: where it runs, until when (monotonic seconds), and what its folds used so far."""

    places: Places
    cancel: Cancel
    started: float
    deadline: float
    cpu_s: float = 0.0
    peak_mb: float = 0.0


@dataclass
class Scorer:
    """Scores sources of one prepared study.

    Parameters
    ----------
    root
        The study's folder.
    predictions
        Folder that keeps out-of-fold predictions by their digest.
    """

    root: Path
    study: Study
    prepared: Prepared
    executor: Executor
    predictions: Path
    _table: data.Table | None = field(default=None, init=False)
    _features: Matrix | None = field(default=None, init=False)
    _dealt: list[Split] = field(default_factory=list, init=False)
    _loading: threading.RLock = field(default_factory=threading.RLock, init=False)

    def evaluate(
        self,
        source: str,
        repeats: int,
        width: int | None = None,
        go_on: GoOn | None = None,
        cancel: Cancel | None = None,
    ) -> Evaluation:
        """Measure a source on up to `repeats` repeats of the cross-validation.

        All folds together have the study's seconds. A slow source is measured on the complete repeats that
        fit, and its note says so; with not even one it has timed out.

        Parameters
        ----------
        width
            Places to run at, by default all.
        go_on
            Asked after each complete repeat but the last, with the fold scores so far; where it says no the trial
            is pruned.
        cancel
            Ends the trial from another thread.
        """
        with self._running(width, cancel) as run:
            return self._evaluate(run, source, repeats, go_on)

    def _evaluate(self, run: _Running, source: str, repeats: int, go_on: GoOn | None) -> Evaluation:
        table, metric, folds = self._training(), self.study.metric, self.prepared.folds
        dealt = self._splits(repeats)
        answers: dict[tuple[int, int], np.ndarray] = {}
        scores: list[tuple[float, ...]] = []
        failed, wanted = None, True
        for repeat in range(repeats) if go_on else [None]:
            part = [split for split in dealt if repeat in (None, split.repeat)]
            try:
                answers.update(self._measured(run, source, part))
            except _FoldError as error:
                failed = error.failure
            complete = responses.complete_repeats(answers, folds, repeats)
            kept = [split for split in dealt if split.repeat < complete]
            each = [metric.function(table.y[split.valid], answers[split.repeat, split.fold]) for split in kept]
            scores = list(zip(*[iter(each)] * folds, strict=True))
            if failed or (go_on and complete < repeats and not (wanted := go_on(scores))):
                break
        evaluation = Evaluation(
            state=State.COMPLETE if wanted else State.PRUNED,
            isolation=self.executor.isolation,
            ratio=ratio(table.structure, dealt),
            wall_s=time.monotonic() - run.started,
            cpu_s=run.cpu_s,
            peak_mb=run.peak_mb,
        )
        if failed and not (failed.timed_out and scores):
            state = State.TIMED_OUT if failed.timed_out else State.CRASHED
            return replace(evaluation, state=state, error=failed.message, traceback=failed.traceback)
        if not np.isfinite(scores).all():
            return replace(evaluation, state=State.CRASHED, error=f"train.py: its {metric.name} is not a number")
        seconds = self.study.budget.trial_seconds
        note = f"slow: {len(scores)} of {repeats} repeats within {seconds:g} s" if failed else ""
        digest = Predictions(self.predictions).keep(len(table.y), kept, answers)
        evaluation = replace(evaluation, scores=tuple(scores), note=note, predictions=digest)
        if self.study.holdout.show == "always":
            return self._unsealed(run, source, evaluation)
        return evaluation

    def repeats_exactly(self, source: str, predictions: str) -> bool:
        """Whether a second run of the first repeat gives the same predictions to the last digit."""
        dealt = self._splits(1)
        try:
            with self._running() as run:
                answers = dict(self._measured(run, source, dealt))
        except _FoldError:
            return False
        before = Predictions(self.predictions).load(predictions)
        return all(np.array_equal(before[0][split.valid], answers[split.repeat, split.fold]) for split in dealt)

    def row_se(self, before: str, after: str) -> float | None:
        """SE over rows, groups or blocks of the gain between two kept predictions; None where folds give the SE."""
        if self.prepared.folds > 1:
            return None
        table, (split,) = self._training(), self._splits(1)
        kept = Predictions(self.predictions)
        y, groups = table.y[split.valid], clusters(table.structure.take(split.valid))
        first, second = (kept.load(digest)[0][split.valid] for digest in (before, after))
        rng = np.random.default_rng(self.study.evaluation.seed)
        return cluster_se(self.study.metric, y, first, second, rng, groups)

    def on_holdout(self, source: str) -> tuple[np.ndarray, np.ndarray]:
        """Fit on all training rows and answer for the holdout: its labels and the responses.

        Raises
        ------
        ValueError
            The source gives no usable answer there.
        """
        with self._running() as run:
            return self._on_holdout(run, source)

    def _on_holdout(self, run: _Running, source: str) -> tuple[np.ndarray, np.ndarray]:
        train, sealed = self._training(), data.holdout(self.study, self.prepared)
        both, rows = train.followed_by(sealed), np.arange(len(train.y) + len(sealed.y))
        split = Split(0, 0, rows[: len(train.y)], rows[len(train.y) :])
        verify(both.structure, [split])
        try:
            answer = dict(self._alone(run, source, both, split))[0, 0]
        except _FoldError as error:
            raise ValueError(error.failure.message) from None
        return sealed.y, answer

    def sealed_clusters(self) -> np.ndarray | None:
        """Which rows of the holdout go together, in their order; None where each stands alone."""
        return clusters(data.holdout(self.study, self.prepared).structure)

    def close(self) -> None:
        """End the executor's processes and let go of the shared features."""
        self.executor.close()
        self.forget()

    def forget(self) -> None:
        """Let go of the table; it is read again when it is needed."""
        if self._features:
            self._features.close()
        self._table, self._features, self._dealt = None, None, []

    @contextmanager
    def _running(self, width: int | None = None, cancel: Cancel | None = None) -> Iterator[_Running]:
        """Hold places for a trial; its clock starts when they are ready."""
        with ExitStack() as stack:
            cancel = cancel or stack.enter_context(closing(Cancel()))
            places = stack.enter_context(self.executor.hold(width))
            started = time.monotonic()
            yield _Running(places, cancel, started, started + self.study.budget.trial_seconds)

    def _training(self) -> data.Table:
        with self._loading:
            if self._table is None:
                self._table = data.training(self.root, self.study, self.prepared)
            return self._table

    @cached_property
    def _row_seed(self) -> int:
        return self.prepared.seal.row_seed  # made of all sealed rows: once, not in each fold

    def _matrix(self) -> Matrix:
        with self._loading:
            if self._features is None:
                first = self._splits(1)[0].train if self.prepared.folds == 1 else None
                self._features = Matrix.shuffled(self._training().X, self._row_seed, first)
            return self._features

    def _shared(self, source: str, matrix: Matrix) -> TrialTask:
        readable = [str((self.root / name).resolve()) for name in self.study.study.readable]
        own = [self.prepared.training_path(self.root).parent, self.predictions, self.prepared.seal.path.parent]
        hidden = sorted({str(path.resolve()) for path in (*own, self.root / self.study.study.data)})
        return TrialTask(source, matrix, int(self.study.budget.memory_gb * (1 << 30)), readable, hidden)

    def _splits(self, repeats: int) -> list[Split]:
        """The study's splits, dealt once and verified each time."""
        table, seed = self._training(), self.study.evaluation.seed
        with self._loading:
            if not self._dealt or self._dealt[-1].repeat + 1 < repeats:
                stratify, folds = bool(self.prepared.classes), self.prepared.folds
                dealt = splits(table.y, table.structure, stratify=stratify, repeats=repeats, folds=folds, seed=seed)
                self._dealt = list(dealt)
            wanted = [split for split in self._dealt if split.repeat < repeats]
        verify(table.structure, wanted)
        return wanted

    def _measured(self, run: _Running, source: str, dealt: list[Split]) -> _Answers:
        """Answers of all folds; in time each is alone with its past, because lags of later rows hold its labels."""
        table = self._training()
        if table.structure.time is None:
            tasks = (self._message(source, split, table.y, self._matrix()) for split in dealt)
            yield from self._answers(run, self._shared(source, self._matrix()), tasks)
            return
        for split in dealt:
            yield from self._alone(run, source, table, split)

    def _alone(self, run: _Running, source: str, table: data.Table, split: Split) -> _Answers:
        """Answer of one fold whose processes are given no rows but its own."""
        rows, border = np.concatenate([split.train, split.valid]), len(split.train)
        places = np.arange(len(rows))
        matrix = Matrix.shuffled(table.X.iloc[rows], self._row_seed, places[:border])
        there = replace(split, train=places[:border], valid=places[border:])
        task = self._message(source, there, table.y[rows], matrix)
        try:
            yield from self._answers(run, self._shared(source, matrix), [task])
        finally:
            matrix.close()

    def _message(self, source: str, split: Split, y: np.ndarray, matrix: Matrix) -> Message:
        return message(source, split, y, matrix, self._row_seed, self.study.metric.response, len(self.prepared.classes))

    def _answers(self, run: _Running, shared: TrialTask, tasks: Iterable[Message]) -> _Answers:
        """Answers in the rows' own order, each checked; stops at the first failure.

        Raises
        ------
        _FoldError
            A fold crashed, timed out, or answered what is no prediction.
        """
        orders: dict[tuple[int, int], np.ndarray] = {}

        def noted() -> Iterator[FoldTask]:
            for task, order in tasks:
                orders[task.key] = order
                yield task

        with closing(run.places.run(shared, noted(), run.deadline, run.cancel)) as running:
            for key, (answer, cpu, peak) in running:
                run.cpu_s += cpu
                run.peak_mb = max(run.peak_mb, peak)
                if isinstance(answer, Failure):
                    raise _FoldError(answer)
                classes, metric = len(self.prepared.classes), self.study.metric
                if problem := responses.problem(classes, metric, answer, len(orders[key])):
                    raise _FoldError(Failure(problem, ""))
                ordered = np.empty_like(answer)
                ordered[orders.pop(key)] = answer
                yield key, ordered

    def _unsealed(self, run: _Running, source: str, evaluation: Evaluation) -> Evaluation:
        """Add the holdout's score in a study that shows it."""
        self.prepared.seal.unseal()
        try:
            y, answer = self._on_holdout(run, source)
        except ValueError as error:
            return replace(evaluation, note=f"{evaluation.note} no holdout score: {error}".strip())
        return replace(evaluation, test_score=self.study.metric.function(y, answer))
