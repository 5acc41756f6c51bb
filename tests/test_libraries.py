"""Ordinary libraries work inside the boundary as they do outside it."""

import math
from pathlib import Path

import boundary
import numpy as np
import pytest
from boundary import constants, level_full, noise, two_folds

from autoresearch.fold import Failure

LIBRARIES = Path(__file__).parent / "libraries"
MODELS = (
    "forest", "extra trees on all cores", "histogram boosting", "neighbours", "support vectors", "grid on one job",
    "lightgbm", "xgboost", "flaml zero-shot",
)  # fmt: skip
CHORES = (
    "joblib_threads", "joblib_multiprocessing", "joblib_memory", "pool", "futures", "shared_arrays",
    "temporary_files", "subprocesses", "plots", "frames", "optimisation", "machine", "databases", "memory_maps",
    "event_loops", "warnings_and_logs", "random_numbers", "times_and_zones",
)  # fmt: skip
SLOW_MODELS = ("regularisation path", "stack")
SLOW_CHORES = ("joblib_loky", "pool_spawned")


def fails(file: str, name: str) -> str:
    """Have one fold of a train.py in ``libraries/`` run at level full; what is wrong with its answer, if anything."""
    source = (LIBRARIES / f"{file}.py").read_text() + constants(NAME=name)
    _, y = noise()
    ((_, answer),) = boundary.answers(level_full(), source, two_folds(source, y)[:1]).items()
    if isinstance(answer, Failure):
        return f"{answer.message}\n{answer.traceback}"
    right = answer.shape == (len(y) // 2,) and all(map(math.isfinite, np.asarray(answer)))
    return "" if right else f"not a finite number for each row: {answer}"


@pytest.mark.parametrize("name", MODELS)
def test_estimators_fit_inside(name: str):
    """A model that works outside works inside, with its default threads and with an explicit n_jobs."""
    assert fails("estimators", name) == ""


def test_automl_fits_inside_its_time_box():
    """FLAML's AutoML with a time box of 3 seconds answers inside."""
    assert fails("estimators", "flaml") == ""


@pytest.mark.parametrize("name", CHORES)
def test_chores_work_inside(name: str):
    """Threads, pools, temporary files, plots, subprocesses and the like work inside."""
    assert fails("chores", name) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_MODELS)
def test_estimators_that_start_python_anew_fit_inside(name: str):
    """Models whose jobs are processes of their own fit inside, slowly."""
    assert fails("estimators", name) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_CHORES)
def test_chores_that_start_python_anew_work_inside(name: str):
    """Workers that are started anew import everything again inside the boundary, slowly."""
    assert fails("chores", name) == ""
