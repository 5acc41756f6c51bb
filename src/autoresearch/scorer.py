"""The scorer: holds labels, folds and metrics, asks an executor for predictions, and never imports train.py."""

import hashlib
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from autoresearch import data, responses
from autoresearch.clusters import cluster_se, clusters
from autoresearch.executors import Executor, TrialTask
from autoresearch.files import write_whole
from autoresearch.fold import Failure, FoldTask
from autoresearch.matrix import Matrix
from autoresearch.prepared import Prepared
from autoresearch.splits import Split, ratio, splits, verify
from autoresearch.study import Study
from autoresearch.trial import Evaluation, State

__all__ = ["Scorer"]

_Message = tuple[FoldTask, np.ndarray]
"""A fold's message, and the order in which it holds the validation rows."""
_Answers = Iterator[tuple[tuple[int, int], np.ndarray]]


class _FoldError(Exception):
    """A fold gave no usable answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass
class _Usage:
    """What the folds of a trial used."""

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

    def evaluate(self, source: str, repeats: int) -> Evaluation:
        """Measure a source on up to `repeats` repeats of the cross-validation.

        All folds together have the study's seconds. A slow source is measured on the complete repeats that
        fit, and its note says so; with not even one it has timed out.
        """
        self.executor.warm()
        started = time.monotonic()
        deadline = started + self.study.budget.trial_seconds
        table = self._training()
        dealt = self._splits(repeats)
        answers: dict[tuple[int, int], np.ndarray] = {}
        usage, failed = _Usage(), None
        try:
            for key, answer in self._measured(source, dealt, deadline, usage):
                answers[key] = answer
        except _FoldError as error:
            failed = error.failure
        complete = responses.complete_repeats(answers, self.prepared.folds, repeats)
        evaluation = Evaluation(
            state=State.COMPLETE,
            isolation=self.executor.isolation,
            ratio=ratio(table.structure, dealt),
            wall_s=time.monotonic() - started,
            cpu_s=usage.cpu_s,
            peak_mb=usage.peak_mb,
        )
        if failed and not (failed.timed_out and complete):
            state = State.TIMED_OUT if failed.timed_out else State.CRASHED
            return replace(evaluation, state=state, error=failed.message, traceback=failed.traceback)
        note = f"slow: {complete} of {repeats} repeats within {self.study.budget.trial_seconds:g} s" if failed else ""
        kept = [split for split in dealt if split.repeat < complete]
        metric = self.study.metric
        scores = [metric.function(table.y[split.valid], answers[split.repeat, split.fold]) for split in kept]
        if not np.isfinite(scores).all():
            return replace(evaluation, state=State.CRASHED, error=f"train.py: its {metric.name} is not a number")
        evaluation = replace(
            evaluation,
            scores=tuple(zip(*[iter(scores)] * self.prepared.folds, strict=True)),
            note=note,
            predictions=self._keep(table.y, kept, answers, complete),
        )
        if self.study.holdout.show == "always":
            return self._unsealed(source, evaluation, deadline)
        return evaluation

    def repeats_exactly(self, source: str, predictions: str) -> bool:
        """Whether a second run of the first repeat gives the same predictions to the last digit."""
        dealt = self._splits(1)
        deadline = time.monotonic() + self.study.budget.trial_seconds
        try:
            answers = dict(self._measured(source, dealt, deadline, _Usage()))
        except _FoldError:
            return False
        before = self.load(predictions)
        return all(np.array_equal(before[0][split.valid], answers[split.repeat, split.fold]) for split in dealt)

    def row_se(self, before: str, after: str) -> float | None:
        """SE over rows, groups or blocks of the gain between two kept predictions; None where folds give the SE."""
        if self.prepared.folds > 1:
            return None
        table, (split,) = self._training(), self._splits(1)
        y, groups = table.y[split.valid], clusters(table.structure.take(split.valid))
        first, second = (self.load(digest)[0][split.valid] for digest in (before, after))
        rng = np.random.default_rng(self.study.evaluation.seed)
        return cluster_se(self.study.metric, y, first, second, rng, groups)

    def on_holdout(self, source: str, deadline: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Fit on all training rows and answer for the holdout: its labels and the responses.

        Raises
        ------
        ValueError
            The source gives no usable answer there.
        """
        train, sealed = self._training(), data.holdout(self.study, self.prepared)
        both, rows = train.followed_by(sealed), np.arange(len(train.y) + len(sealed.y))
        split = Split(0, 0, rows[: len(train.y)], rows[len(train.y) :])
        verify(both.structure, [split])
        deadline = deadline or time.monotonic() + self.study.budget.trial_seconds
        try:
            answer = dict(self._alone(source, both, split, deadline, _Usage()))[0, 0]
        except _FoldError as error:
            raise ValueError(error.failure.message) from None
        return sealed.y, answer

    def sealed_clusters(self) -> np.ndarray | None:
        """Which rows of the holdout go together, in their order; None where each stands alone."""
        return clusters(data.holdout(self.study, self.prepared).structure)

    def load(self, digest: str) -> np.ndarray:
        """Kept out-of-fold predictions, shape (repeats, rows) or (repeats, rows, classes); nan where not in a fold."""
        with (self.predictions / f"{digest}.npy").open("rb") as file:
            return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the executor's processes and let go of the shared features."""
        self.executor.close()
        self.forget()

    def forget(self) -> None:
        """Let go of the table; it is read again when it is needed."""
        if self._features:
            self._features.close()
        self._table = self._features = None
        self._dealt = []

    def _training(self) -> data.Table:
        if self._table is None:
            self._table = data.training(self.root, self.study, self.prepared)
        return self._table

    def _matrix(self) -> Matrix:
        if self._features is None:
            self._features = Matrix.shuffled(self._training().X, self.prepared.seal.row_seed)
        return self._features

    def _shared(self, source: str, matrix: Matrix) -> TrialTask:
        readable = [str((self.root / name).resolve()) for name in self.study.study.readable]
        own = [self.prepared.training_path(self.root).parent, self.predictions, self.prepared.seal.path.parent]
        hidden = sorted({str(path.resolve()) for path in (*own, self.root / self.study.study.data)})
        return TrialTask(source, matrix, int(self.study.budget.memory_gb * (1 << 30)), readable, hidden)

    def _splits(self, repeats: int) -> list[Split]:
        """The study's splits, dealt once and verified each time."""
        table, seed = self._training(), self.study.evaluation.seed
        if not self._dealt or self._dealt[-1].repeat + 1 < repeats:
            stratify, folds = bool(self.prepared.classes), self.prepared.folds
            dealt = splits(table.y, table.structure, stratify=stratify, repeats=repeats, folds=folds, seed=seed)
            self._dealt = list(dealt)
        wanted = [split for split in self._dealt if split.repeat < repeats]
        verify(table.structure, wanted)
        return wanted

    def _measured(self, source: str, dealt: list[Split], deadline: float, usage: _Usage) -> _Answers:
        """Answers of all folds; in time each is alone with its past, because lags of later rows hold its labels."""
        table = self._training()
        if table.structure.time is None:
            tasks = (self._fold(source, split, table.y, self._matrix()) for split in dealt)
            yield from self._answers(self._shared(source, self._matrix()), tasks, deadline, usage)
            return
        for split in dealt:
            yield from self._alone(source, table, split, deadline, usage)

    def _alone(self, source: str, table: data.Table, split: Split, deadline: float, usage: _Usage) -> _Answers:
        """Answer of one fold whose processes are given no rows but its own."""
        rows, border = np.concatenate([split.train, split.valid]), len(split.train)
        matrix = Matrix.shuffled(table.X.iloc[rows], self.prepared.seal.row_seed)
        places = np.arange(len(rows))
        task = self._fold(source, replace(split, train=places[:border], valid=places[border:]), table.y[rows], matrix)
        try:
            yield from self._answers(self._shared(source, matrix), [task], deadline, usage)
        finally:
            matrix.close()

    def _fold(self, source: str, split: Split, y: np.ndarray, matrix: Matrix) -> _Message:
        """A fold's message, its rows in an order that neither the file nor the child knows, and that order."""
        rng = np.random.default_rng([self.prepared.seal.row_seed, split.repeat, split.fold])
        train, order = rng.permutation(split.train), rng.permutation(len(split.valid))
        task = FoldTask(
            key=(split.repeat, split.fold),
            source=source,
            rows_train=matrix.position[train],
            y_train=y[train],
            rows_valid=matrix.position[split.valid[order]],
            response=self.study.metric.response,
            classes=len(self.prepared.classes),
        )
        return task, order

    def _answers(self, shared: TrialTask, tasks: Iterable[_Message], deadline: float, usage: _Usage) -> _Answers:
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

        running = self.executor.run(shared, noted(), deadline)
        try:
            for key, (answer, cpu, peak) in running:
                usage.cpu_s += cpu
                usage.peak_mb = max(usage.peak_mb, peak)
                if isinstance(answer, Failure):
                    raise _FoldError(answer)
                if problem := responses.problem(
                    len(self.prepared.classes), self.study.metric, answer, len(orders[key])
                ):
                    raise _FoldError(Failure(problem, ""))
                ordered = np.empty_like(answer)
                ordered[orders.pop(key)] = answer
                yield key, ordered
        finally:
            close = getattr(running, "close", None)
            if close:
                close()

    def _keep(self, y: np.ndarray, dealt: list[Split], answers: dict[tuple[int, int], np.ndarray], repeats: int) -> str:
        """Keep out-of-fold predictions beside the ledger, named by their content."""
        shape = (repeats, len(y), *next(iter(answers.values())).shape[1:])
        matrix = np.full(shape, np.nan)
        for split in dealt:
            matrix[split.repeat, split.valid] = answers[split.repeat, split.fold]
        buffer = io.BytesIO()
        np.save(buffer, matrix, allow_pickle=False)
        content = buffer.getvalue()
        name = hashlib.sha256(content).hexdigest()
        path = self.predictions / f"{name}.npy"
        if not path.exists():
            write_whole(path, content)
        return name

    def _unsealed(self, source: str, evaluation: Evaluation, deadline: float) -> Evaluation:
        """Add the holdout's score in a study that shows it."""
        self.prepared.seal.unseal()
        try:
            y, answer = self.on_holdout(source, deadline)
        except ValueError as error:
            return replace(evaluation, note=f"{evaluation.note} no holdout score: {error}".strip())
        return replace(evaluation, test_score=self.study.metric.function(y, answer))
