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


def works(file: str, name: str) -> None:
    """Have one fold of a train.py in ``libraries/`` run at level full."""
    source = (LIBRARIES / f"{file}.py").read_text() + constants(NAME=name)
    _, y = noise()
    ((_, answer),) = boundary.answers(level_full(), source, two_folds(source, y)[:1]).items()
    assert not isinstance(answer, Failure), f"{answer.message}\n{answer.traceback}"
    assert answer.shape == (len(y) // 2,)
    assert all(map(math.isfinite, np.asarray(answer)))


@pytest.mark.parametrize("name", MODELS)
def test_estimators_fit_inside(name: str):
    """A model that works outside works inside, with its default threads and with an explicit n_jobs."""
    works("estimators", name)


def test_automl_fits_inside_its_time_box():
    """FLAML's AutoML with a time box of 3 seconds answers inside."""
    works("estimators", "flaml")


@pytest.mark.parametrize("name", CHORES)
def test_chores_work_inside(name: str):
    """Threads, pools, temporary files, plots, subprocesses and the like work inside."""
    works("chores", name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_MODELS)
def test_estimators_that_start_python_anew_fit_inside(name: str):
    """Models whose jobs are processes of their own fit inside, slowly."""
    works("estimators", name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_CHORES)
def test_chores_that_start_python_anew_work_inside(name: str):
    """Workers that are started anew import everything again inside the boundary, slowly."""
    works("chores", name)
