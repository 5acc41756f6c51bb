"""What is inferred of a study: target, task, metric, positive class, each with its reason."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from autoresearch.columns import typed
from autoresearch.errors import StudyError
from autoresearch.inference import Asked, infer
from autoresearch.metrics import METRICS


def rows(**columns: Any) -> pd.DataFrame:
    """A typed table of 120 rows."""
    return typed(pd.DataFrame({"x": np.arange(120), **columns}))


class TestTarget:
    @pytest.mark.parametrize("name", ["target", "Label", "CLASS", "y"])
    def test_by_name(self, name: str):
        """A column with one of the usual names is the target, wherever it stands and however it is spelt."""
        found = infer(rows(**{name: [0, 1] * 60}, z=[1.5] * 120), Asked())
        assert found.target == name
        assert found.reasons[0] == f"target {name!r}: the column of that name"

    def test_likelier_name_first(self):
        """Where several of the names are there, the likelier one counts."""
        assert infer(rows(y=[0, 1] * 60, target=[0, 1] * 60), Asked()).target == "target"

    def test_last_column_else(self):
        """Without such a name it is the last column, and that is said."""
        found = infer(rows(churned=[True, False] * 60), Asked())
        assert found.target == "churned"
        assert "target 'churned': the last column" in found.reasons

    def test_what_is_said_needs_no_reason(self):
        """Nothing is explained that a person said."""
        asked = Asked("churned", "binary", "log_loss", "no")
        found = infer(rows(churned=["yes", "no"] * 60), asked)
        assert (found.target, found.task, found.metric, found.positive, found.reasons) == (
            "churned", "binary", "log_loss", "no", (),
        )  # fmt: skip


class TestTask:
    @pytest.mark.parametrize(
        ("labels", "task"),
        [
            ([0, 1], "binary"),
            ([True, False], "binary"),
            (["yes", "no", None], "binary"),
            ([1.5, 2.5], "binary"),
            (["a", "b", "c"], "multiclass"),
            ([0, 1, 2], "multiclass"),
            ([0.0, 1.0, 2.0, None], "multiclass"),
            (range(120), "regression"),
            ([*range(11)] * 11, "regression"),
            ([0, 1, 2.5], "regression"),
            ([0] * 117 + [1, 2, 3], "regression"),
        ],
        ids=str,
    )
    def test_goes_by_the_labels(self, labels: Any, task: str):
        """Two values are binary, texts and a few whole numbers are classes, other numbers are amounts."""
        column = pd.Series((list(labels) * 120)[:120], dtype=object)
        found = infer(rows(label=column), Asked())
        assert found.task == task
        assert found.metric == next(metric.name for metric in METRICS.values() if task in metric.tasks)
        assert [reason.split(" ")[0] for reason in found.reasons[:3]] == ["target", "task", "metric"]

    def test_free_text_is_no_target(self):
        """A text of its own in each row is refused, with what to do."""
        with pytest.raises(StudyError, match=r"--target: 'name' holds 120 different texts in 120 rows; name a column"):
            infer(rows(name=[f"n{i}" for i in range(120)]), Asked())

    def test_dates_are_no_target(self):
        """A point in time is no label."""
        with pytest.raises(StudyError, match="--target: 'when' holds dates"):
            infer(rows(when=pd.date_range("2020-01-01", periods=120)), Asked())

    def test_no_label_at_all(self):
        """A column of nothing but gaps is no target."""
        with pytest.raises(StudyError, match="'label' is missing in every row"):
            infer(rows(label=[None] * 120), Asked())


class TestPositive:
    @pytest.mark.parametrize(
        ("labels", "positive"),
        [
            ([0, 0, 1, 1, 1], 1),
            ([1.0, 0.0, None], 1),
            ([True, True, False], True),
            (["no", "yes", "yes"], "yes"),
            (["Y", "N", "Y"], "Y"),
            (["good", "good", "bad"], "bad"),
            ([1, 2, 2], 1),
            (["a", "b"], "b"),
        ],
        ids=str,
    )
    def test_is_what_is_looked_for(self, labels: list[Any], positive: Any):
        """It is the label whose name says so, else the rarer one, else the last."""
        column = pd.Series((labels * 120)[: 20 * len(labels)], dtype=object)
        found = infer(typed(pd.DataFrame({"label": column})), Asked())
        assert found.positive == positive
        assert type(found.positive) is type(positive)
        assert found.reasons[-1].startswith(f"positive class {positive!r}: ")

    @pytest.mark.parametrize(("labels", "asked", "positive"), [([0, 1], "0", 0), ([True, False], "false", False)])
    def test_is_typed_as_it_is_printed(self, labels: list[Any], asked: str, positive: Any):
        """What a person types is found among numbers and flags."""
        assert infer(rows(label=labels * 60), Asked(positive=asked)).positive is positive

    def test_must_be_a_label(self):
        """Another one is answered with those there are."""
        with pytest.raises(StudyError, match="--positive: 'maybe' is no label of 'label'; choose no or yes"):
            infer(rows(label=["yes", "no"] * 60), Asked(positive="maybe"))
        with pytest.raises(StudyError, match="a regression task has no positive class"):
            infer(rows(label=range(120)), Asked(positive="1"))
