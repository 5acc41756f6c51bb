"""The scorer: holds labels, folds and metrics, asks an executor for predictions, and never imports train.py."""

import hashlib
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from autoresearch import data
from autoresearch.executors import Executor, TrialTask
from autoresearch.files import write_whole
from autoresearch.fold import Failure, FoldTask
from autoresearch.intervals import row_se
from autoresearch.matrix import Matrix
from autoresearch.prepared import Prepared
from autoresearch.splits import Split, splits
from autoresearch.study import Study
from autoresearch.trial import Evaluation, State

__all__ = ["Scorer"]

ROUNDING = 1e-6  # by which a probability may leave 0 to 1: a sum of floats does
_Dealt = tuple[FoldTask, np.ndarray]
"""A fold's message, and the order in which it holds the validation rows."""


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
    _row_seed = cached_property(
        lambda self: self.prepared.seal.row_seed
    )  # from all sealed rows: once, not in each fold

    def evaluate(self, source: str, repeats: int) -> Evaluation:
        """Measure a source on up to `repeats` repeats of the cross-validation.

        All folds together have the study's seconds. A slow source is measured on the complete repeats that
        fit, and its note says so; with not even one it has timed out.
        """
        self.executor.warm()
        started = time.monotonic()
        deadline = started + self.study.budget.trial_seconds
        table = self._training()
        dealt = list(splits(table.y, self.prepared, self.study.evaluation.seed, repeats))
        answers: dict[tuple[int, int], np.ndarray] = {}
        usage, failed = _Usage(), None
        try:
            for key, answer in self._answers(self._shared(source), self._tasks(source, table, dealt), deadline, usage):
                answers[key] = answer
        except _FoldError as error:
            failed = error.failure
        complete = _complete_repeats(answers, self.prepared.folds, repeats)
        evaluation = Evaluation(
            state=State.COMPLETE,
            isolation=self.executor.isolation,
            ratio=len(dealt[0].valid) / len(dealt[0].train),
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
        table = self._training()
        dealt = list(splits(table.y, self.prepared, self.study.evaluation.seed, 1))
        deadline = time.monotonic() + self.study.budget.trial_seconds
        try:
            answers = dict(self._answers(self._shared(source), self._tasks(source, table, dealt), deadline, _Usage()))
        except _FoldError:
            return False
        before = self.load(predictions)
        return all(np.array_equal(before[0][split.valid], answers[split.repeat, split.fold]) for split in dealt)

    def row_se(self, before: str, after: str) -> float | None:
        """Row-level SE of the gain between two kept predictions; None where folds give the SE."""
        if self.prepared.folds > 1:
            return None
        y = self._training().y
        (split,) = splits(y, self.prepared, self.study.evaluation.seed, 1)
        first, second = (self.load(digest)[0][split.valid] for digest in (before, after))
        rng = np.random.default_rng(self.study.evaluation.seed)
        return row_se(self.study.metric, y[split.valid], first, second, rng)

    def on_holdout(self, source: str, deadline: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Fit on all training rows and answer for the holdout: its labels and the responses.

        Raises
        ------
        ValueError
            The source gives no usable answer there.
        """
        train, sealed = self._training(), data.holdout(self.study, self.prepared)
        rows = np.arange(len(train.y) + len(sealed.y))
        matrix = Matrix.shuffled(pd.concat([train.X, sealed.X]), self._row_seed)
        split = Split(0, 0, rows[: len(train.y)], rows[len(train.y) :])
        labels = np.concatenate([train.y, sealed.y])
        task = self._fold(source, split, labels, matrix)
        deadline = deadline or time.monotonic() + self.study.budget.trial_seconds
        try:
            shared = replace(self._shared(source), matrix=matrix)
            answer = dict(self._answers(shared, [task], deadline, _Usage()))[0, 0]
        except _FoldError as error:
            raise ValueError(error.failure.message) from None
        finally:
            matrix.close()
        return sealed.y, answer

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

    def _training(self) -> data.Table:
        if self._table is None:
            self._table = data.training(self.root, self.study, self.prepared)
        return self._table

    def _matrix(self) -> Matrix:
        if self._features is None:
            table, seed = self._training(), self.study.evaluation.seed
            first = next(splits(table.y, self.prepared, seed, 1)).train if self.prepared.folds == 1 else None
            self._features = Matrix.shuffled(table.X, self._row_seed, first)
        return self._features

    def _shared(self, source: str) -> TrialTask:
        readable = [str((self.root / name).resolve()) for name in self.study.study.readable]
        own = [self.prepared.training_path(self.root).parent, self.predictions, self.prepared.seal.path.parent]
        hidden = sorted({str(path.resolve()) for path in (*own, self.root / self.study.study.data)})
        return TrialTask(source, self._matrix(), int(self.study.budget.memory_gb * (1 << 30)), readable, hidden)

    def _tasks(self, source: str, table: data.Table, dealt: list[Split]) -> Iterator[_Dealt]:
        for split in dealt:
            yield self._fold(source, split, table.y, self._matrix())

    def _fold(self, source: str, split: Split, y: np.ndarray, matrix: Matrix) -> _Dealt:
        """A fold's message, and the order of its validation rows; neither the file nor the child knows an order."""
        rng = np.random.default_rng([self._row_seed, split.repeat, split.fold])
        train, order = rng.permutation(split.train), rng.permutation(len(split.valid))
        if self.prepared.folds == 1:  # in the secret order in which the rows lie: no fold copies them
            train, order = split.train[matrix.order(split.train)], matrix.order(split.valid)
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

    def _answers(
        self, shared: TrialTask, tasks: Iterable[_Dealt], deadline: float, usage: _Usage
    ) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
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
                if problem := self._problem(answer, len(orders[key])):
                    raise _FoldError(Failure(problem, ""))
                ordered = np.empty_like(answer)
                ordered[orders.pop(key)] = answer
                yield key, ordered
        finally:
            close = getattr(running, "close", None)
            if close:
                close()

    def _problem(self, answer: np.ndarray, rows: int) -> str | None:
        """What is wrong with an answer as a prediction; None when nothing is."""
        classes = len(self.prepared.classes)
        wanted = (rows, classes) if self.study.metric.response == "probability" else (rows,)
        if answer.shape != wanted:
            return f"train.py: predictions have shape {answer.shape} where {wanted} is wanted"
        if bad := int((~np.isfinite(answer)).sum()):
            return f"train.py: {bad} of {answer.size} predictions are nan or infinite; impute, or clip them"
        if self.study.metric.positive and (low := int((answer <= 0).sum())):
            return f"train.py: {low} of {answer.size} predictions are not above 0, which this metric needs"
        if self.study.metric.response == "label" and not np.isin(answer, np.arange(classes)).all():
            return f"train.py: predicted labels are not the class codes 0 to {classes - 1} it was trained on"
        if self.study.metric.response == "probability" and (answer.min() < -ROUNDING or answer.max() > 1 + ROUNDING):
            return "train.py: predicted probabilities lie outside 0 to 1"
        if self.study.metric.response == "probability" and not np.allclose(answer.sum(axis=1), 1, atol=1e-3):
            return "train.py: predicted probabilities do not sum to 1 in each row"
        return None

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


def _complete_repeats(answers: dict[tuple[int, int], np.ndarray], folds: int, repeats: int) -> int:
    """How many repeats, from the first on, have all their folds."""
    done = 0
    while done < repeats and all((done, fold) in answers for fold in range(folds)):
        done += 1
    return done
