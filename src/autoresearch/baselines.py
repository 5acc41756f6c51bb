"""Reference models beside the incumbent, on the same training rows and folds: one table. The holdout stays sealed."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np

from autoresearch import data
from autoresearch.library import Composition, Variant, baseline, variants
from autoresearch.loop import Loop
from autoresearch.metrics import Response
from autoresearch.predictions import Predictions
from autoresearch.prepared import Prepared
from autoresearch.statistics import mean
from autoresearch.study import Study
from autoresearch.trial import Evaluation, State

__all__ = ["Row", "references", "rows"]


@dataclass(frozen=True)
class Row:
    """A line of the table: score on the first repeat's folds, accuracy where classes are predicted, seconds."""

    name: str
    score: float | None
    accuracy: float | None
    wall_s: float
    error: str = ""


def references(study: Study, prepared: Prepared, seconds: float) -> dict[str, str]:
    """Name to train.py of each reference.

    Parameters
    ----------
    seconds
        What FLAML may take over all folds: its box for each is the longest of the library's that fits.
    """
    task, regression = study.study.task, study.study.task == "regression"
    plain = baseline(task, messy=prepared.messy)
    models = {variant.name: variant for variant in variants(task, messy=prepared.messy)["model"]}
    ending = "_regressor" if regression else ""
    boxed = models[f"flaml_automl{ending}"]
    boxes = sorted(boxed.parameters["time_budget"].options)  # type: ignore[union-attr]
    box = max([each for each in boxes if each * prepared.folds <= seconds] or boxes[:1])
    nothing = "mean" if regression else "prior"
    text = resources.files("autoresearch").joinpath("references", f"{nothing}.py").read_text(encoding="utf-8")

    def with_model(model: Variant) -> str:
        found = Composition((*plain.choice[:-1], model))
        return found.source(found.hypothesis())

    return {
        "mean" if regression else "majority": text,
        "linear": plain.source(plain.hypothesis()),
        "LightGBM, default": with_model(models[f"lightgbm{ending}"]),
        f"FLAML, {box} s a fold": with_model(boxed.at(time_budget=box)),
    }


def rows(loop: Loop, seconds: float) -> Iterator[Row]:
    """Measure the references on the first repeat, the incumbent as it was measured there."""
    workspace, history = loop.workspace, loop.workspace.current()
    study = history.run.study
    prepared = workspace.prepared(study) or loop.prepare(study)
    truth = _Truth(data.training(workspace.root, study, prepared).y, study.metric.response, bool(prepared.classes))
    scorer, kept = loop.scorer_of(study, prepared), Predictions(workspace.predictions)
    for name, text in references(study, prepared, seconds).items():
        yield _row(name, scorer.evaluate(text, 1), truth, kept)
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
