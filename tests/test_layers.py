"""The directions that DESIGN.md draws between modules, held by looking at what each one imports."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoresearch

PACKAGE = Path(autoresearch.__file__).parent
MODULES = {path.stem: path for path in sorted(PACKAGE.glob("*.py"))}

DECISIONS = {
    "acceptance", "endings", "statistics", "metrics", "intervals", "verdicts", "history", "results",
    "lines", "status",
    "tree", "proposals", "attempts", "structure", "splits", "lags", "clusters", "responses", "parameters", "columns",
    "dialect", "forecast", "inference", "toml", "findings", "leakage", "roles",
    "script", "behaviour", "origins", "duties", "steps", "decompose", "rewriting",
    "tried", "design", "interactions", "pruning", "space", "sampling", "standing", "exploring", "modes", "insights",
    "choosing",
}  # fmt: skip
NEUTRAL = {"errors", "layout", "trial", "study", "run", "source", "syntax", "library", "recomposition"}
"""What decisions may stand on: nouns, and the parts that compose a source."""
EFFECTS = {
    "ledger",
    "digests",
    "git",
    "scorer",
    "cell",
    "cells",
    "executors",
    "data",
    "sources",
    "tablefile",
    "content",
    "vault",
    "workspace",
    "session",
    "client",
    "cli",
    "exposure",
    "profile",
    "pipelines",
}
SYSTEM = {"os", "subprocess", "time", "random", "sqlite3", "socket", "shutil", "tempfile", "threading"}
MAY = {("status", "time"), ("proposals", "random")}
HEAVY = {"numpy", "pandas", "sklearn", "scipy", "pydantic", "matplotlib", "lightgbm", "xgboost", "flaml", "sklego"}
BRANCH_MOVES = {"swap_ref", "attach"}
LONGEST = 300


def tree(module: str) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Full names of all that a module imports, wherever in it, but for type checking alone."""
    skipped = {
        id(inner)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree(module)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_ours(module: str) -> set[str]:
    """Modules of the package that a module imports."""
    found = {name.split(".")[1] for name in imports(module) if name.startswith("autoresearch.")}
    return found & MODULES.keys()


def of_others(module: str) -> set[str]:
    """Top-level packages that a module imports."""
    return {name.split(".")[0] for name in imports(module)} - {"autoresearch"}


def calls(module: str) -> set[str]:
    """Names of functions and methods that a module calls."""
    functions = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    return {getattr(function, "attr", getattr(function, "id", "")) for function in functions}


def git_verbs(module: str) -> set[str]:
    """Git commands that a module runs, as ``run("verb", ...)`` or as a list that begins with git."""
    verbs: set[str] = set()
    for node in ast.walk(tree(module)):
        words = node.args if isinstance(node, ast.Call) and "run" in ast.unparse(node.func) else []
        if isinstance(node, ast.List) and node.elts and getattr(node.elts[0], "value", None) == "git":
            words = node.elts[1:]
        verbs |= {word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)}
    return verbs


def test_the_layers_are_there():
    """The names below are modules: a renamed one does not slip out of these tests."""
    assert MODULES.keys() >= DECISIONS | NEUTRAL | EFFECTS | {"loop", "settlement", "checks"}


@pytest.mark.parametrize("module", sorted(DECISIONS))
def test_decisions_have_no_effects(module: str):
    """What decides imports nothing that reads, writes, waits or draws."""
    assert of_ours(module) <= DECISIONS | NEUTRAL
    assert {name for name in of_others(module) & SYSTEM if (module, name) not in MAY} == set()
    assert calls(module) & {"open", "read_text", "write_text", "read_bytes", "write_bytes", "print", "input"} == set()


@pytest.mark.parametrize("module", sorted(DECISIONS))
def test_decisions_reach_no_effects(module: str):
    """Nor does anything that they import in turn."""
    reached, open_ = set[str](), [module]
    while open_:
        new = of_ours(open_.pop()) - reached
        reached |= new
        open_ += new
    assert reached & EFFECTS == set()


def test_one_module_parses_python():
    """Threads of one process may not parse at once: who parses goes through the module that sees to it."""
    assert {module for module in MODULES if "ast.parse" in MODULES[module].read_text(encoding="utf-8")} == {"syntax"}


@pytest.mark.parametrize("module", sorted(EFFECTS - {"cli", "session", "workspace"}))
def test_effects_decide_nothing(module: str):
    """What has effects imports no rule, policy or verdict."""
    assert of_ours(module) & {"acceptance", "verdicts"} == set()


@pytest.mark.parametrize("module", sorted({"cli", "session", "workspace"}))
def test_joints_leave_decisions_to_the_loop(module: str):
    """Nor does what joins them."""
    assert of_ours(module) & {"acceptance", "verdicts"} == set()


def test_nothing_imports_the_commands():
    """The commands are the top: no module but the entry point imports them."""
    assert [name for name in MODULES if "cli" in of_ours(name)] == ["__main__"]


def test_no_cycles():
    """Each module can be imported before those that import it."""
    left = {name: of_ours(name) - {name} for name in MODULES}
    while ready := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in ready}
    assert left == {}


def test_only_the_ledger_writes_the_record():
    """SQL that writes stands in the ledger alone, and nobody else opens its database to write."""
    writes = re.compile(
        r"\b(INSERT INTO|UPDATE \S+ SET|DELETE FROM|CREATE TABLE|DROP TABLE|ALTER TABLE|REPLACE INTO)\b"
    )
    guilty = {
        name
        for name in MODULES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and writes.search(node.value)
    }
    assert guilty <= {"ledger"}
    assert {name for name in MODULES if "executescript" in calls(name)} <= {"ledger"}


def test_only_loop_and_settlement_move_branches():
    """A branch is swapped, and HEAD attached, by the loop and its settling alone."""
    movers = {name for name in MODULES if calls(name) & BRANCH_MOVES}
    assert movers <= {"loop", "settlement"}
    movers = {name for name in MODULES if git_verbs(name) & {"update-ref", "symbolic-ref"}}
    assert movers <= {"git"}


def test_git_never_touches_the_working_tree():
    """No git command that writes files, or drops work, is run: the one reset names a path and moves the index alone."""
    drops = {"checkout", "switch", "clean", "stash", "restore", "merge", "rebase", "revert", "rm", "mv", "apply"}
    assert {name for name in MODULES if git_verbs(name) & drops} == set()
    assert {name for name in MODULES if "reset" in git_verbs(name)} == {"git"}
    text = MODULES["git"].read_text(encoding="utf-8")
    assert text.count('"reset"') == text.count('self.run("reset", "-q", "--", file)') == 1


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module: str):
    """No module has more lines than can be read in one go."""
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST


def loaded(statement: str) -> set[str]:
    """Top-level packages that are there after a statement in a fresh interpreter, in the repository's root."""
    script = f"import json, sys; {statement}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE.parents[1]
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["loop", "cli", "session", "settlement", "ledger"])
def test_commands_start_without_heavy_libraries(module: str):
    """A command answers in milliseconds: importing what it needs loads no library of numbers, tables or models."""
    assert HEAVY & loaded(f"import autoresearch.{module}") == set()


def test_the_face_is_light():
    """train.py imports prepare.py to ask the scorer: that alone loads no library of numbers, tables or models."""
    assert HEAVY & loaded("import prepare") == set()


def test_the_search_over_the_present_study_needs_no_table():
    """Nor does the search, which reads what was prepared, load more than numbers."""
    assert HEAVY & loaded("import autoresearch.studying, autoresearch.search") <= {"numpy"}


@pytest.mark.parametrize("module", ["data", "sources", "drafts", "profile"])
def test_reading_a_table_loads_no_models(module: str):
    """Rows are read with pandas alone; scikit-learn comes with the first split, metric or look for leaks."""
    assert HEAVY & loaded(f"import autoresearch.{module}") <= {"numpy", "pandas", "pydantic"}
