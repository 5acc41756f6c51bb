"""`/autoresearch:setup` in the real coding client: from a table to a measured baseline, as its page permits."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import CLIENT, HOW, Person
from scripted_model import Call, Request, ScriptedModel, Turn, bash
from support import table

pytestmark = [
    pytest.mark.skipif(not CLIENT.exists(), reason=HOW),
    pytest.mark.timeout(300),
]
HINTS = (
    "## Domain hints: the study churn\n\nThis section belongs to the study; whoever changes the study rewrites it.\n\n"
)
COLUMNS = "- A row is a customer of one month; `dose` is in grams (a guess); gaps in it were not measured.\n"


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    """Somebody with a clone, and a table in it that git does not have."""
    somebody = Person.arrive(tmp_path / "person")
    table(160).to_csv(somebody.clone / "churn.csv", index=False)
    yield somebody
    somebody.engine("stop", check=False)


def hints(person: Person) -> Call:
    """The model rewrites the last section of program.md."""
    program = (person.clone / "program.md").read_text()
    last = program[program.index("## Domain hints") :]
    path = str(person.clone / "program.md")
    return Call("Edit", {"file_path": path, "old_string": last, "new_string": HINTS + COLUMNS})


def measured(request: Request) -> Turn:
    """The model tells the baseline as it was printed."""
    return "\n".join(re.findall(r"^val_\w+: \S+", "\n".join(request.results), re.MULTILINE))


def test_a_table_and_a_target_are_all_it_takes(person: Person) -> None:
    """Without a question: study.toml, a fitting train.py, hints in program.md, and the baseline in the last message."""
    program = (person.clone / "program.md").read_text()
    prepare = (person.clone / "prepare.py").read_text()
    script = [
        bash("uv run prepare.py churn.csv --target dose --metric mae --drop-missing-target"),
        Call("Read", {"file_path": str(person.clone / "study.toml")}),
        Call("Read", {"file_path": str(person.clone / "program.md")}),
        hints(person),
        Call("Read", {"file_path": str(person.clone / "prepare.py")}),
        Call("Edit", {"file_path": str(person.clone / "prepare.py"), "old_string": "ROOT", "new_string": "HERE"}),
        bash("uv run train.py"),
        measured,
    ]
    with ScriptedModel(script) as model:
        done = person.ask("/autoresearch:setup churn.csv dose, judged by the mean error", model)
    first, results = model.requests[0], ["\n".join(request.results) for request in model.requests]
    assert "Arguments: `churn.csv dose, judged by the mean error`." in first.text
    assert "rows: " in results[1]
    assert "train.py: now the baseline for a regression task" in results[1]
    assert 'metric = "mae"' in results[2]
    assert re.fullmatch(r"val_mae: \d\.\d+\nval_mae_se: \d\.\d+", done["result"]), results[-1]
    assert 'target = "dose"' in (person.clone / "study.toml").read_text()
    assert "Ridge()" in (person.clone / "train.py").read_text()
    now = (person.clone / "program.md").read_text()
    assert now == program[: program.index("## Domain hints")] + HINTS + COLUMNS
    assert (person.clone / "prepare.py").read_text() == prepare
    assert person.run("git", "log", "--oneline").count("\n") == 1
    changed = {line.split()[1] for line in person.run("git", "status", "--porcelain").splitlines()}
    assert changed == {"study.toml", "train.py", "program.md", "churn.csv"}


@pytest.mark.slow
def test_the_run_begins_where_the_setup_ended(person: Person) -> None:
    """Committed as the last message says, a run over the table starts from that very baseline."""
    with ScriptedModel([bash("uv run prepare.py churn.csv --target label"), "set up"]) as model:
        assert person.ask("/autoresearch:setup churn.csv label", model)["result"] == "set up"
    who = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
    person.run("git", "add", "study.toml", "train.py", "program.md")
    person.run("git", *who, "commit", "-q", "-m", "study churn")
    assert re.search(r"iter 0 \| val_auc=0\.\d+ .*BASELINE", person.engine("start", "first"))
