"""study.toml: what it may say, and one line with the field and the remedy for everything else."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from support import settings, toml

from autoresearch.errors import StudyError
from autoresearch.study import Acceptance, Budget, EvaluationSettings, Group, Holdout, Source, Study, Time, load


def read(folder: Path, text: str | bytes) -> Study:
    """Read `text` as a study.toml."""
    (folder / "study.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load(folder / "study.toml")


def refusal(folder: Path, text: str | bytes) -> str:
    """The one line with which `text` is refused."""
    with pytest.raises(StudyError) as caught:
        read(folder, text)
    assert caught.value.exit_code == 1
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("study.toml: ")
    return message


def changed(section: str, **keys: Any) -> str:
    """A good study.toml but for some keys of one section."""
    return toml(settings(**{section: keys}))


def test_reads_a_study_and_fills_in_defaults(tmp_path: Path):
    """Only the table and the metric are required; the rest has the defaults that the documentation names."""
    study = read(tmp_path, toml(settings()))
    assert (study.study.target, study.study.task, study.study.positive) == ("label", "binary", 1)
    assert study.evaluation.seed == 42
    assert study.holdout == Holdout(0.2, 42, "never")
    assert study.acceptance == Acceptance("one_se", simplify=True)
    assert (study.budget.trial_seconds, study.budget.iterations, study.budget.hours) == (180.0, 100, 8.0)
    assert study.metric.name == "roc_auc"


def test_the_root_study_is_the_bundled_table():
    """The study that a fresh clone carries reads without complaint."""
    study = load(Path(__file__).resolve().parents[1] / "study.toml")
    assert (study.study.name, study.study.data, study.metric.name) == ("heart", "heart", "roc_auc")


def test_study_survives_the_ledger(tmp_path: Path):
    """What the ledger keeps of a study gives the same study back."""
    study = read(tmp_path, toml(settings(holdout={"show": "always"}, budget={"hours": 2})))
    assert Study.from_json(study.to_json()) == study
    assert (study.group, study.time) == (None, None)
    structured = {"group": {"column": "shop"}, "time": {"column": "day", "lags": {"sales": [7, 14]}}}
    study = read(tmp_path, toml(settings(**structured)))
    assert (study.group, study.time) == (Group("shop"), Time("day", {"sales": (7, 14)}))
    assert Study.from_json(study.to_json()) == study


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"group": {"column": "label"}}, "group.column: 'label' is the target; name another column"),
        ({"time": {"column": "label"}}, "time.column: 'label' is the target; name another column"),
        (
            {"group": {"column": "day"}, "time": {"column": "day"}},
            "time.column: 'day' is the group column; name another column",
        ),
        ({"time": {"column": "day", "lags": {"sales": [0]}}}, "time.lags: sales = [0] does not count back; give"),
        ({"time": {"column": "day", "lags": {"sales": []}}}, "time.lags: sales = [] does not count back; give"),
        ({"time": {"column": "day", "lags": {"sales": [7, 7]}}}, "time.lags: sales = [7, 7] does not count back"),
        ({"time": {"column": "day", "lags": {"sales": [1.5]}}}, "time.lags: 1.5 does not fit: "),
        ({"time": {"lags": {"sales": [7]}}}, "time.column: is required and missing"),
        ({"group": {"column": 3}}, "group.column: 3 does not fit: "),
    ],
)
def test_structure_is_checked(tmp_path: Path, sections: Any, said: str):
    """Target, group and time are three columns, and lags are whole numbers that count back."""
    assert refusal(tmp_path, toml(settings(**sections))).startswith(f"study.toml: {said}")


def test_unknown_metric_lists_the_known_ones(tmp_path: Path):
    """A metric by another name is answered with the names that are known."""
    message = refusal(tmp_path, changed("evaluation", metric="auc"))
    assert message == (
        "study.toml: evaluation.metric: 'auc' is not a known metric; "
        "choose roc_auc, log_loss, accuracy, average_precision, balanced_accuracy, f1, roc_auc_ovr, f1_macro, "
        "rmse, mae, r2, median_absolute_error, poisson_deviance"
    )


@pytest.mark.parametrize(
    ("task", "metric", "fitting"),
    [
        ("binary", "rmse", "roc_auc, log_loss, accuracy, average_precision, balanced_accuracy, f1"),
        ("multiclass", "roc_auc", "log_loss, accuracy, balanced_accuracy, roc_auc_ovr, f1_macro"),
        ("regression", "log_loss", "rmse, mae, r2, median_absolute_error, poisson_deviance"),
    ],
)
def test_metric_must_fit_the_task(tmp_path: Path, task: str, metric: str, fitting: str):
    """A metric that does not measure the task is answered with those that do."""
    message = refusal(tmp_path, toml(settings(study={"task": task}, evaluation={"metric": metric})))
    assert message == (f"study.toml: evaluation.metric: {metric!r} does not measure a {task} task; choose {fitting}")


@pytest.mark.parametrize(
    ("section", "cls"),
    [
        ("study", Source),
        ("evaluation", EvaluationSettings),
        ("holdout", Holdout),
        ("acceptance", Acceptance),
        ("budget", Budget),
        ("group", Group),
        ("time", Time),
    ],
)
def test_unknown_key_lists_the_known_ones(tmp_path: Path, section: str, cls: type):
    """A key that nobody reads is refused, with the keys of its section."""
    known = ", ".join(field.name for field in dataclasses.fields(cls))
    required = {"column": "day"} if section in ("group", "time") else {}
    assert refusal(tmp_path, changed(section, **required, colour=1)) == (
        f"study.toml: {section}.colour: unknown key; known here: {known}"
    )


def test_unknown_section_lists_the_known_ones(tmp_path: Path):
    """A section that nobody reads is refused, with the sections there are."""
    assert refusal(tmp_path, toml(settings(search={"trials": 12}))) == (
        "study.toml: search: unknown key; known here: study, evaluation, holdout, acceptance, budget, group, time"
    )


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("budget", "iterations", "many"),
        ("budget", "iterations", 1.5),
        ("budget", "iterations", True),
        ("budget", "hours", "8"),
        ("holdout", "fraction", "a fifth"),
        ("holdout", "show", "sometimes"),
        ("acceptance", "simplify", "yes"),
        ("acceptance", "simplify", 1),
        ("evaluation", "seed", 0.5),
        ("evaluation", "metric", 7),
        ("study", "task", "clustering"),
        ("study", "target", 3),
        ("study", "positive", [1]),
    ],
)
def test_wrong_type_names_field_and_value(tmp_path: Path, section: str, key: str, value: Any):
    """A value of another type is not converted but refused, by its field and as it was written."""
    message = refusal(tmp_path, changed(section, **{key: value}))
    assert message.startswith(f"study.toml: {section}.{key}: {value!r} does not fit: ")


def test_choices_are_named(tmp_path: Path):
    """Where only some words are allowed, the message lists them."""
    assert "'never' or 'always'" in refusal(tmp_path, changed("holdout", show="sometimes"))
    assert "'binary', 'multiclass' or 'regression'" in refusal(tmp_path, changed("study", task="clustering"))
    assert refusal(tmp_path, changed("acceptance", rule="bold")) == (
        "study.toml: acceptance.rule: 'bold' is not a known rule; choose strict, one_se, confirm"
    )


@pytest.mark.parametrize(
    ("section", "key", "value", "low", "high"),
    [
        ("holdout", "fraction", 0.04, "0.05", "0.5"),
        ("holdout", "fraction", 0.51, "0.05", "0.5"),
        ("budget", "trial_seconds", 0.5, "1", "86400"),
        ("budget", "trial_seconds", -180, "1", "86400"),
        ("budget", "iterations", 0, "1", "1000000"),
        ("budget", "hours", 0, "0.01", "10000"),
        ("budget", "hours", 1e6, "0.01", "10000"),
        ("evaluation", "seed", -1, "0", "2147483647"),
        ("holdout", "seed", 2**32, "0", "2147483647"),
    ],
)
def test_out_of_bounds_names_the_bounds(tmp_path: Path, section: str, key: str, value: float, low: str, high: str):
    """A number beyond its bounds is refused with both of them."""
    message = refusal(tmp_path, changed(section, **{key: value}))
    assert message.startswith(f"study.toml: {section}.{key}: ")
    assert message.endswith(f"is out of bounds; give a number from {low} to {high}")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_no_number_is_out_of_bounds(tmp_path: Path, number: str):
    """TOML can write numbers that are none; they are out of bounds."""
    assert "budget.hours" in refusal(tmp_path, toml(settings()) + f"[budget]\nhours = {number}\n")


@pytest.mark.parametrize("name", ["", "a/b", "../up", "two words", "dot."])
def test_name_must_serve_as_a_file_name(tmp_path: Path, name: str):
    """The study's name becomes a file in data/, so it takes no path."""
    assert refusal(tmp_path, changed("study", name=name)) == (
        f"study.toml: study.name: {name!r} names a file; use letters, digits, - and _"
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "study"),
        (toml({"study": settings()["study"]}), "evaluation"),
        (changed("study", target=None), "study.target"),
        (changed("study", task=None), "study.task"),
        (changed("evaluation", metric=None), "evaluation.metric"),
    ],
)
def test_missing_section_or_key_is_named(tmp_path: Path, text: str, where: str):
    """What is required and absent is named by section and key."""
    assert refusal(tmp_path, text) == f"study.toml: {where}: is required and missing"


@pytest.mark.parametrize("text", ["[study\nname = 1", "study = {", b"\xff\xfe[study]", "name = 'a'\nname = 'b'"])
def test_no_toml_is_said_so(tmp_path: Path, text: str | bytes):
    """A file that is no TOML is refused with the parser's reason, which names the line."""
    assert refusal(tmp_path, text).startswith("study.toml: not valid TOML: ")


def test_section_that_is_no_section(tmp_path: Path):
    """A value where a section belongs is refused by its name."""
    assert refusal(tmp_path, 'study = "heart"\n').startswith("study.toml: study: 'heart' does not fit: ")


def test_missing_file_says_where_to_run(tmp_path: Path):
    """Without study.toml the message says where it was looked for, and what to do."""
    with pytest.raises(StudyError, match=f"study.toml: not found in {tmp_path}; run this where study.toml lies"):
        load(tmp_path / "study.toml")
