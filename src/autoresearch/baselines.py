"""Reference models beside the incumbent, on the same training rows and folds: one table. The holdout stays sealed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from typing import get_args

import numpy as np

from autoresearch import data
from autoresearch.library import Composition, baseline, variants
from autoresearch.loop import Loop
from autoresearch.metrics import METRICS, Response, Task
from autoresearch.parameters import Choice, Parameter, Range, rewritten
from autoresearch.predictions import Predictions
from autoresearch.prepared import Prepared
from autoresearch.statistics import mean
from autoresearch.study import Study
from autoresearch.trial import Evaluation, State

__all__ = ["Row", "missing", "references", "rows"]

AUTOGLUON = "autogluon"
LEAST = 1.0  # seconds in which FLAML trains anything
SECONDS = Range(LEAST, math.inf, whole=False, log=False)
FLAML_METRICS = {name: name for name in ("roc_auc", "log_loss", "accuracy", "f1", "roc_auc_ovr", "rmse", "mae", "r2")}
FLAML_METRICS |= {"average_precision": "ap", "f1_macro": "macro_f1"}
"""Metrics of a study that FLAML can aim at, by its names for them."""
AUTOGLUON_METRICS = {name: name for name in METRICS} | {"rmse": "root_mean_squared_error", "mae": "mean_absolute_error"}
del AUTOGLUON_METRICS["poisson_deviance"]
FLAML: dict[str, Parameter] = {
    "task": Choice(("classification", "regression")),
    "metric": Choice(("auto", *FLAML_METRICS.values())),
    "time_budget": SECONDS,
}
AUTOGLUON_SETTINGS: dict[str, Parameter] = {
    "problem_type": Choice(get_args(Task)),
    "eval_metric": Choice((None, *AUTOGLUON_METRICS.values())),
    "time_limit": SECONDS,
}
"""What is written anew in a reference, as for a variant's parameters."""


@dataclass(frozen=True)
class Row:
    """A line of the table: score on the first repeat's folds, accuracy where classes are predicted, seconds."""

    name: str
    score: float | None
    accuracy: float | None
    wall_s: float
    error: str = ""


def references(study: Study, prepared: Prepared, seconds: float) -> dict[str, str]:
    """Name to train.py of each reference that this environment can run.

    Parameters
    ----------
    seconds
        What FLAML, and AutoGluon where it is installed, may take over all folds: each fold has its part of them.
    """
    task, regression = study.study.task, study.study.task == "regression"
    plain = baseline(task, messy=prepared.messy)
    models = {variant.name: variant for variant in variants(task, messy=prepared.messy)["model"]}
    default = models["lightgbm_regressor" if regression else "lightgbm"]
    boosted = Composition((*plain.choice[:-1], default))
    box = max(LEAST, round(seconds / prepared.folds, 1))
    found = {
        "mean" if regression else "majority": _text("mean" if regression else "prior"),
        "linear": plain.source(plain.hypothesis()),
        "LightGBM, default": boosted.source(boosted.hypothesis()),
        f"FLAML, {box:g} s a fold": rewritten(
            _text("flaml"),
            FLAML,
            {
                "task": "regression" if regression else "classification",
                "metric": FLAML_METRICS.get(study.metric.name, "auto"),
                "time_budget": box,
            },
        ),
    }
    if missing(AUTOGLUON):
        return found
    settings = {"problem_type": task, "eval_metric": AUTOGLUON_METRICS.get(study.metric.name), "time_limit": box}
    return found | {f"AutoGluon, {box:g} s a fold": rewritten(_text("autogluon"), AUTOGLUON_SETTINGS, settings)}


def missing(module: str) -> bool:
    """Whether a library is not installed."""
    return find_spec(module) is None


def _text(name: str) -> str:
    return resources.files("autoresearch").joinpath("references", f"{name}.py").read_text(encoding="utf-8")


def rows(loop: Loop, seconds: float) -> Iterator[Row]:
    """Measure the references on the first repeat, the incumbent as it was measured there."""
    workspace, history = loop.workspace, loop.workspace.current()
    study = history.run.study
    prepared = workspace.prepared(study) or loop.prepare(study)
    truth = _Truth(data.training(workspace.root, study, prepared).y, study.metric.response, bool(prepared.classes))
    scorer, kept = loop.scorer_of(study, prepared), Predictions(workspace.predictions)
    for name, text in references(study, prepared, seconds).items():
        yield _row(name, scorer.evaluate(text, 1), truth, kept)
    if missing(AUTOGLUON):
        yield Row("AutoGluon", None, None, 0.0, "skipped: it is not installed; `uv pip install autogluon.tabular`")
    best = history.incumbent
    wall = best.wall_s / max(1, len(best.scores))
    answers = kept.load(best.predictions)[0] if best.predictions else None
    yield Row(f"incumbent, trial {best.n}", mean(best.scores[:1]), truth.accuracy(answers), wall)


def _row(name: str, found: Evaluation, truth: "_Truth", kept: Predictions) -> Row:
    if found.state is not State.COMPLETE:
        return Row(name, None, None, found.wall_s, found.error or found.state.value)
    answers = kept.load(found.predictions)[0] if found.predictions else None
    return Row(name, mean(found.scores), truth.accuracy(answers), found.wall_s)


@dataclass(frozen=True)
class _Truth:
    """Labels of the training rows, and what a prediction of them is."""

    y: np.ndarray
    response: Response
    classes: bool

    def accuracy(self, answers: np.ndarray | None) -> float | None:
        """Share of the rows whose class is the likeliest one; None for numbers, and for scores that are no shares."""
        if answers is None or not self.classes:
            return None
        seen = ~np.isnan(answers if answers.ndim == 1 else answers[:, 0])
        told = answers[seen]
        if self.response == "probability":
            labels = told.argmax(axis=1)
        elif self.response == "score":
            if told.min() < 0 or told.max() > 1:
                return None
            labels = (told >= 0.5).astype(int)
        else:
            labels = told.astype(int)
        return float((labels == self.y[seen]).mean())
