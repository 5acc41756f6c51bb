"""One fold of a trial, as the process that runs train.py sees it: rows in, predictions out.

This is the only module that executes a train.py. It runs in a process of its own that was given the
fold's rows and nothing else.
"""

import linecache
import sys
import traceback
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from autoresearch.metrics import Response

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Failure", "FoldTask", "answer", "failure"]

FILE = "train.py"
CHECKED_ROWS = 64  # of the first fold, for the row-wise check


@dataclass(frozen=True)
class FoldTask:
    """What a fold's process is given beside the features that all share.

    Parameters
    ----------
    key
        Names the fold to whoever asked: (repeat, fold).
    source
        Text of train.py.
    rows_train, y_train
        Positions in the shared features, in the order to be used, and their labels, both shape (n_train,).
    rows_valid
        Positions of the rows to predict, shape (n_valid,); their labels stay with the scorer.
    response
        The kind of answer wanted.
    classes
        How many classes there are; 0 for regression.
    """

    key: tuple[int, int]
    source: str
    rows_train: "np.ndarray"
    y_train: "np.ndarray"
    rows_valid: "np.ndarray"
    response: Response
    classes: int

    @property
    def answer_bytes(self) -> int:
        """The most that an answer may take."""
        return 8 * len(self.rows_valid) * max(1, self.classes)


@dataclass(frozen=True)
class Failure:
    """Why a fold gave no answer: one line, and the traceback."""

    message: str
    traceback: str
    timed_out: bool = False


class _ContractError(Exception):
    """train.py does not keep its contract; the message names what is missing and what to write."""


def answer(task: FoldTask, features: "pd.DataFrame") -> "np.ndarray":
    """Run train.py on one fold.

    Parameters
    ----------
    features
        The shared features, of which the fold takes its rows.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_valid,) or, for probabilities, (n_valid, classes).
    """
    import numpy as np

    warnings.simplefilter("ignore")  # hundreds of folds would print the same ones
    module = _load(task.source)
    raw_train, raw_valid = _rows(features, task.rows_train), _rows(features, task.rows_valid)
    if task.key == (0, 0):
        _check_row_wise(module, raw_train)
    X_train = _features(module, raw_train)
    X_valid = _features(module, raw_valid)
    estimator = module.build_pipeline()
    if not hasattr(estimator, "fit"):
        raise _ContractError(f"train.py: build_pipeline returned {type(estimator).__name__}, which has no fit")
    estimator.fit(X_train, task.y_train)
    return np.ascontiguousarray(_respond(estimator, X_valid, task), dtype=np.float64)


def _rows(features: "pd.DataFrame", rows: "np.ndarray") -> "pd.DataFrame":
    """Rows of the shared features under a fresh index: a view where they lie side by side, a copy elsewhere."""
    import numpy as np

    start, stop = int(rows[0]), int(rows[0]) + len(rows)
    together = np.array_equal(rows, np.arange(start, stop))
    return features.iloc[slice(start, stop) if together else rows].reset_index(drop=True)


def _load(source: str) -> ModuleType:
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    module = ModuleType("train")
    module.__file__ = FILE
    sys.modules["train"] = module  # what is defined there can then be pickled, and joblib pickles
    exec(compile(source, FILE, "exec"), module.__dict__)  # noqa: S102
    for name, signature in (("feature_fn", "feature_fn(X)"), ("build_pipeline", "build_pipeline()")):
        if not callable(getattr(module, name, None)):
            raise _ContractError(f"train.py: {signature} is missing; define it at the top level")
    return module


def _features(module: ModuleType, X: "pd.DataFrame") -> Any:
    features = module.feature_fn(X.copy(deep=False))  # pandas copies on write
    shape = getattr(features, "shape", None)
    if not shape or shape[0] != len(X):
        raise _ContractError(
            f"train.py: feature_fn returned {type(features).__name__} of shape {shape} for {len(X)} rows; "
            "return a DataFrame or array with the same rows"
        )
    return features


def _check_row_wise(module: ModuleType, X: "pd.DataFrame") -> None:
    """Refuse a feature_fn whose rows depend on which other rows are there, on their order, or on earlier calls."""
    import numpy as np

    sample = X.iloc[:CHECKED_ROWS].reset_index(drop=True)
    whole = _cells(_features(module, sample))
    order = np.arange(len(sample))[::-1]
    trials = [("a second call", np.arange(len(sample))), ("another order", order), ("half of the rows", order[::2])]
    trials += [("a single row", np.array([row])) for row in range(0, len(sample), max(1, len(sample) // 4))]
    for what, rows in trials:
        part = _cells(_features(module, sample.iloc[rows].reset_index(drop=True)))
        if part.shape[1:] != whole.shape[1:] or not _same(part, whole[rows]):
            raise _ContractError(
                f"train.py: feature_fn is not row-wise: {what} changes its values; "
                "move what looks at other rows into build_pipeline, as a fitted step"
            )


def _cells(features: Any) -> Any:
    """Features as an array of objects or floats, shape (n, columns)."""
    import numpy as np

    if hasattr(features, "toarray"):
        features = features.toarray()
    array = np.asarray(features)
    return array.reshape(len(array), -1)


def _same(left: Any, right: Any) -> bool:
    """Whether two arrays agree, floats up to rounding (a matrix product of one row differs in the last digit)."""
    import numpy as np
    import pandas as pd

    if left.dtype.kind in "fiub" and right.dtype.kind in "fiub":
        return bool(np.allclose(left.astype(float), right.astype(float), rtol=1e-9, atol=1e-12, equal_nan=True))
    for one, other in zip(left.T, right.T, strict=True):
        if [*map(str, one)] == [*map(str, other)]:
            continue  # as most columns do, and numbers are dear to find among objects
        first, second = (pd.to_numeric(pd.Series(column), errors="coerce") for column in (one, other))
        if not np.allclose(first, second, rtol=1e-9, atol=1e-12, equal_nan=True):
            return False
        text = first.isna().to_numpy()
        if [str(value) for value in one[text]] != [str(value) for value in other[text]]:
            return False
    return True


def _respond(estimator: Any, X: Any, task: FoldTask) -> Any:
    import numpy as np

    if task.response in ("value", "label"):
        return np.asarray(estimator.predict(X), dtype=np.float64)
    if hasattr(estimator, "predict_proba"):
        probabilities = np.asarray(estimator.predict_proba(X), dtype=np.float64)
        if task.response == "probability":
            return probabilities
        if probabilities.ndim == 2 and probabilities.shape[1] == 2:
            return probabilities[:, 1]
        raise _ContractError(
            f"train.py: predict_proba gave shape {probabilities.shape} for {len(X)} rows and 2 classes"
        )
    if task.response == "score" and hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(X), dtype=np.float64)
    raise _ContractError(f"train.py: {type(estimator).__name__} has no predict_proba, which this metric needs")


def failure(error: BaseException) -> Failure:
    """Put an exception into one line and a traceback that starts in train.py."""
    frames = traceback.TracebackException.from_exception(error)
    ours = [i for i, frame in enumerate(frames.stack) if frame.filename == FILE]
    if isinstance(error, SyntaxError) and error.filename == FILE:
        frames.text = linecache.getline(FILE, error.lineno or 0)  # Python looks it up in the current folder
    if isinstance(error, _ContractError) or (isinstance(error, SyntaxError) and error.filename == FILE):
        frames.stack = traceback.StackSummary()  # the frames would all be the harness's
    elif ours:
        frames.stack = traceback.StackSummary.from_list(list(frames.stack)[ours[0] :])
    return Failure(_one_line(error, frames), "".join(frames.format()))


def _one_line(error: BaseException, frames: traceback.TracebackException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, _ContractError):
        return text
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return f"train.py:{error.lineno}: SyntaxError: {error.msg}"
    lines = [frame.lineno for frame in frames.stack if frame.filename == FILE]
    where = f"train.py:{lines[-1]}: " if lines else "train.py: "
    if isinstance(error, ModuleNotFoundError):
        return f"{where}{text}; use what is installed, or a person adds it with `uv add` between runs"
    if isinstance(error, (PermissionError, FileNotFoundError)):
        return f"{where}{text[:200]}; a trial reads no file but those that study.toml lists as study.readable"
    if isinstance(error, SystemExit):
        return f"{where}it called exit({error.code}) instead of answering"
    return f"{where}{type(error).__name__}: {text}"[:300]
