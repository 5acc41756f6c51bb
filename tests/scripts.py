"""The scripts under tests/pipelines, as people write them, and small tables that they can read."""

from pathlib import Path

import numpy as np
import pandas as pd
from support import Settings, lay

from autoresearch import library
from autoresearch.decompose import Decomposed, decompose
from autoresearch.library import Variant
from autoresearch.metrics import Task
from autoresearch.pipelines import catalogue
from autoresearch.recomposition import Recomposition
from autoresearch.space import THINGS
from autoresearch.study import Study
from autoresearch.tried import spelled

FOLDER = Path(__file__).parent / "pipelines"
ROWS = 120
TASKS: dict[str, Task] = {
    "heart_binary": "binary",
    "rings_regression": "regression",
    "diabetes_lightgbm": "binary",
    "messy_credit": "binary",
}
"""Scripts with functions, and what they do."""
FILES = {
    "heart_binary": ("heart.csv", "target"),
    "rings_regression": ("abalone.csv", "rings"),
    "diabetes_lightgbm": ("pima.csv", "class"),
    "messy_credit": ("credit_g.csv", "credit_risk"),
    "no_functions": ("heart.csv", "target"),
}
"""Script to the table that it reads and the column that it predicts."""


def text_of(name: str) -> str:
    """A script's text."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def parts_of(name: str) -> Decomposed:
    """A script, split into slots."""
    return decompose(text_of(name), f"{name}.py", FILES[name][1])


def recompositions(name: str, parts: Decomposed | None = None) -> list[Recomposition]:
    """Every composition of a script with what the library has for it, values as they are in the files."""
    parts = parts or parts_of(name)
    found = catalogue(parts, offered(name), "scale_and_encode", frozenset(THINGS))
    cells = dict.fromkeys(map(found.space.effective, found.space.cells()))
    made = [found.compose(*spelled(found.space.slots, cell)) for cell in cells]
    return [one for one in made if isinstance(one, Recomposition)]


def offered(name: str) -> dict[str, tuple[Variant, ...]]:
    """What the library has for a script's task."""
    return library.variants(TASKS[name])


def table_of(name: str) -> pd.DataFrame:
    """A table with the columns that a script asks for, of which the target can be learned a little."""
    rng = np.random.default_rng(0)
    file, target = FILES[name]

    def numbers(*names: str) -> dict[str, np.ndarray]:
        return {column: rng.uniform(1, 90, size=ROWS).round(2) for column in names}

    columns = {
        "heart.csv": numbers("age", "trestbps", "chol", "thalach", "oldpeak"),
        "abalone.csv": numbers("length", "diameter", "height", "whole_weight")
        | {"sex": rng.choice([*"MFI"], size=ROWS)},
        "pima.csv": numbers("preg", "glucose", "pressure", "skin", "insulin", "bmi", "age"),
        "credit_g.csv": numbers("amount", "duration", "age")
        | {name: rng.choice(["yes", "no", "none"], size=ROWS) for name in ("telephone", "foreign_worker", "housing")},
    }[file]
    table = pd.DataFrame(columns)
    signal = table.select_dtypes("number").iloc[:, 0] + 20 * rng.normal(size=ROWS)
    table[target] = signal if file == "abalone.csv" else (signal > signal.median()).astype(int)
    return table


def study_of(name: str, root: Path) -> Study:
    """A study over a script's table, laid into `root`."""
    task, target = TASKS[name], FILES[name][1]
    changes: Settings = {"study": {"target": target, "task": task, "positive": 1 if task == "binary" else None}}
    if task == "regression":
        changes["evaluation"] = {"metric": "r2"}
    return lay(root, table_of(name), **changes)


def lay_script(name: str, folder: Path) -> Path:
    """A copy of a script with its table beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    table_of(name).to_csv(folder / FILES[name][0], index=False)
    path = folder / f"{name}.py"
    path.write_bytes((FOLDER / path.name).read_bytes())
    return path
