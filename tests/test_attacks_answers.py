"""Answers: whatever comes over a fold's socket is numbers of the promised shape, or a failure in one clean line."""

import time
from pathlib import Path

import boundary
import numpy as np
import pytest
from boundary import NONE, Study, attack, cells, level_full, noise, two_folds

from autoresearch.fold import Failure
from autoresearch.frames import ANSWER, FAILURE, HEADER, TEXT_LIMIT, parse_answer
from autoresearch.trial import Evaluation, State

ROWS = 24  # of a fold of the study
REFUSED = {
    "pickle": "",
    "pickle in a frame": "no array",
    "pickled failure": "",
    "nan": "{n} of {n} predictions are nan or infinite",
    "infinite": "{n} of {n} predictions are nan or infinite",
    "one nan": "1 of {n} predictions are nan or infinite",
    "too few": "shape (23,) where ({n},) is wanted",
    "too many": "shape (25,) where ({n},) is wanted",
    "a column": "shape ({n}, 1) where ({n},) is wanted",
    "a row": "shape (1, {n}) where ({n},) is wanted",
    "nothing": "no array",
    "nothing, wide": "no array",
    "another shape": "no array",
    "overflowing shape": "no array",
    "negative shape": "no array",
    "no dimensions": "no array",
    "many dimensions": "no array",
    "huge size": "has 18446744073709551615 bytes where {bytes} are wanted",
    "huge failure": "has 9223372036854775808 bytes where {bytes} are wanted",
    "unknown kind": "no array",
    "another byte order": "bytes where {bytes} are wanted",
    "failure with escapes": "[2J ]0;owned crash status: ok val_auc: 1.0",
    "failure with bidi and separators": "a b c d e",
    "failure without words": "without a word",
    "failure of spaces": "without a word",
    "failure that is no text": "",
    "long failure": "xxx",
    "close": "ended without an answer (it hung up)",
    "partial": "ended without an answer (exit code 0)",
    "half a header": "ended without an answer (it hung up)",
    "four gigabytes": "has 4294967296 bytes where {bytes} are wanted",
}
ACCEPTED = {"twice": 0.25, "thread": 0.25, "descriptors": 0.25, "out of bounds": 1e308}
ODD = (
    "exit", "text of an exception", "text that raises", "megabytes of text", "deep recursion", "a long chain",
    "own kind of exit", "interrupt", "group", "named with escapes", "conversion", "objects", "text", "records",
    "none", "generator",
)  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of noise with 120 training rows, in five folds of `ROWS`."""
    return Study(tmp_path / "study")


def evaluated(study: Study, source: str) -> Evaluation:
    """One repeat at level full."""
    return study.scorer(level_full()).evaluate(source, 1)


def clean(line: str) -> bool:
    """Whether a reason is one line that a terminal shows as it is."""
    return line.isprintable() and "\x1b" not in line and 0 < len(line) <= 400


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_answer_is_a_crash_with_a_clean_reason(case: str, study: Study, tmp_path: Path):
    """What is no prediction is refused in one line and is never unpickled."""
    mark = tmp_path / "executed"
    found = evaluated(study, attack("raw_frames", CASE=case, MARK=str(mark)))
    assert found.state is State.CRASHED
    assert found.scores == ()
    assert clean(found.error)
    assert REFUSED[case].format(n=ROWS, bytes=ROWS * 16) in found.error
    assert all(letter.isprintable() or letter == "\n" for letter in found.traceback)
    assert not mark.exists()


def test_the_trial_after_wrong_answers_scores_as_before(study: Study):
    """Wrong answers, late and half ones cost the trials that gave them."""
    before = evaluated(study, attack("learns"))
    for case in ("pickle in a frame", "half a header", "huge size"):
        evaluated(study, attack("raw_frames", CASE=case))
        assert evaluated(study, attack("learns")).scores == before.scores


def test_unpickling_would_have_run_it(tmp_path: Path):
    """The pickle that is sent as an answer runs a program where it is loaded: nobody loads it."""
    names: dict[str, object] = {"__name__": "attack"}
    mark = tmp_path / "executed"
    exec(compile(attack("raw_frames", MARK=str(mark)), "raw_frames.py", "exec"), names)
    program, arguments = names["Bomb"]().__reduce__()  # type: ignore[operator]
    program(*arguments)
    assert mark.exists()


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_right_answer_is_taken_once_however_it_comes(case: str):
    """A second frame, a thread or descriptors beside the numbers change nothing: the first whole frame counts."""
    _, y = noise()
    source = attack("raw_frames", CASE=case)
    ((_, answer),) = boundary.answers(level_full(), source, two_folds(source, y)[:1], seconds=5).items()
    assert isinstance(answer, np.ndarray)
    assert set(answer) == {ACCEPTED[case]}


def test_a_grandchild_may_answer_for_its_fold_and_for_no_other():
    """A process that outlives the fold's child answers that fold at most, and is gone before the next."""
    source = attack("raw_frames", CASE="grandchild")
    for _ in range(2):
        for answer in boundary.answers(level_full(), source, seconds=10).values():
            assert isinstance(answer, Failure) or set(answer) == {0.25}


def test_an_endless_dribble_ends_with_the_budget():
    """A byte now and then does not hold the scorer beyond the deadline."""
    _, y = noise()
    source = attack("raw_frames", CASE="dribble")
    started = time.monotonic()
    ((_, answer),) = boundary.answers(level_full(), source, two_folds(source, y)[:1], seconds=1).items()
    assert isinstance(answer, Failure)
    assert answer.timed_out
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("case", ODD)
def test_odd_objects_end_in_the_fold(case: str, study: Study):
    """Objects with evil conversions, and exceptions with evil text, cost their own fold and give one clean line."""
    found = evaluated(study, attack("odd_objects", CASE=case))
    assert found.state is State.CRASHED
    assert clean(found.error), found.error
    assert len(found.traceback) <= 2 * TEXT_LIMIT
    assert all(letter.isprintable() or letter == "\n" for letter in found.traceback)


@pytest.mark.parametrize("case", ["subclass", "big endian", "strided", "integers"])
def test_odd_arrays_are_the_numbers_they_hold(case: str):
    """Subclasses, byte orders and strides arrive as plain numbers."""
    _, y = noise()
    source = attack("odd_objects", CASE=case)
    ((_, answer),) = boundary.answers(level_full(), source, two_folds(source, y)[:1]).items()
    assert isinstance(answer, Failure) or set(answer) <= {0.5, 0.75, 1.0}
    assert case == "subclass" or isinstance(answer, np.ndarray)


def test_frames_of_any_bytes_are_parsed():
    """Random headers and bodies give an array of the claimed shape or a failure, and raise nothing."""
    rng = np.random.default_rng(0)
    sizes = [0, 1, 2, 3, 8, 24, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    for _ in range(3000):
        kind = bytes(rng.choice([ANSWER[0], FAILURE[0], 0, 255], 1).astype(np.uint8))
        shape = int(rng.choice(len(sizes))), int(rng.choice(len(sizes)))
        body = rng.bytes(int(rng.choice([0, 1, 8, 24, 64, 192])))
        found = parse_answer(kind, int(rng.integers(0, 256)) % 5, (sizes[shape[0]], sizes[shape[1]]), body)
        if isinstance(found, Failure):
            assert clean(found.message)
        else:
            assert found.dtype == np.float64
            assert found.nbytes == len(body)
    assert HEADER.size == 26


def test_off_the_boundary_answers_are_no_more_trusted(study: Study, tmp_path: Path):
    """Plain processes are believed no more than confined ones."""
    mark = tmp_path / "executed"
    found = study.scorer(cells(NONE)).evaluate(attack("raw_frames", CASE="pickle", MARK=str(mark)), 1)
    assert found.state is State.CRASHED
    assert not mark.exists()
