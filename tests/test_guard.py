"""The guard of a live run: which tool calls are refused, with a reason, and which are nobody's business."""

import itertools
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.hooks import guard, programs
from autoresearch.hooks.events import Event
from autoresearch.hooks.places import Places
from autoresearch.hooks.shell import UnreadableError, parse

ROOT = "/study"
FROZEN = ("prepare.py", "study.toml", "program.md", "pyproject.toml")
PLACES = Places(
    tag="t",
    root=ROOT,
    editable=f"{ROOT}/train.py",
    files=dict.fromkeys([f"{ROOT}/{name}" for name in FROZEN], "frozen") | {f"{ROOT}/results.tsv": "the record"},
    folders={
        f"{ROOT}/.git": "the record",
        f"{ROOT}/src/autoresearch": "frozen",
        f"{ROOT}/data": "frozen",
        f"{ROOT}/.venv": "frozen",
        f"{ROOT}/.claude": "guards",
        "/home/p/.local/share/autoresearch": "sealed",
    },
    explored=frozenset({f"{ROOT}/data", f"{ROOT}/.venv"}),
    home="/home/p",
)

REFUSED = [
    "sed -i s/a/b/ prepare.py",
    "sed -i.bak s/a/b/ ./prepare.py",
    """python3 -c "open('prepare.py','w').write('x')" """,
    "echo x > study.toml",
    "echo x>study.toml",
    "echo x >> ./study.toml",
    "echo x &> study.toml",
    "cat train.py 2> results.tsv",
    "git checkout main",
    "git checkout -b other",
    "git checkout HEAD~3 -- prepare.py",
    "git checkout main -- study.toml",
    "git -C /study checkout main -- study.toml",
    "git checkout .",
    "git restore prepare.py",
    "git restore --source main prepare.py",
    "git switch main",
    "git update-ref refs/heads/autoresearch/t HEAD",
    "git symbolic-ref HEAD refs/heads/main",
    "git branch -f autoresearch/t main",
    "git branch -D autoresearch/t",
    "git reset --hard main",
    "git reset --keep HEAD~3",
    "git reset HEAD~1",
    "git commit --amend -m x",
    "git stash",
    "git stash pop",
    "git rebase main",
    "git clean -fdx",
    "git fetch . main:autoresearch/t",
    "git diff --output=prepare.py",
    "git -c alias.x='!rm prepare.py' x",
    "cp /tmp/x prepare.py",
    "cp /tmp/prepare.py .",
    "cp -t . /tmp/prepare.py",
    "cp --target-directory=. /tmp/prepare.py",
    "cp -r /tmp/x/. .",
    "cp -a /tmp/x/ /study",
    "cp -r /tmp/src .",
    "for f in *.py; do sed -i s/a/b/ $f; done",
    "ruff format",
    "uv run ruff check --fix .",
    "black -q prepare.py",
    "mv prepare.py /tmp",
    "mv /tmp/src .; mv src /tmp",
    "rm -rf .git/autoresearch",
    "rm -rf src",
    "rm -rf .",
    "rm -rf /study",
    "rm data/heart.parquet",
    "cd src && sed -i s/a/b/ ../prepare.py",
    "cd /study/src; echo x > ../study.toml",
    "echo x | tee results.tsv",
    "f=prepare.py; sed -i s/a/b/ $f",
    "f=prepare.py && sed -i s/a/b/ ${f}",
    'sed -i s/a/b/ "$PWD/prepare.py"',
    "sed -i s/a/b/ $UNKNOWN/prepare.py",
    "sed -i s/a/b/ {prepare,train}.py",
    "sed -i s/a/b/ *.py",
    "sed -i s/a/b/ prep?re.py",
    "bash -c 'sed -i x prepare.py'",
    "bash -lc 'echo x > prepare.py'",
    "bash <<'E'\necho x > prepare.py\nE\n",
    "eval 'echo x > prepare.py'",
    "echo prepare.py | xargs sed -i x",
    "find . -name '*.py' -delete",
    "find src -name '*.py' -exec sed -i x {} +",
    "sqlite3 .git/autoresearch/ledger.sqlite3 'delete from trial'",
    "cat > prepare.py <<'EOF'\nx\nEOF\n",
    "python3 - <<'EOF'\nopen('prepare.py', 'w')\nEOF\n",
    "python3 <<< \"open('prepare.py', 'w')\"",
    "cat <<E\n$(rm prepare.py)\nE\n",
    'perl -pi -e s/a/b/ pre"pare".py',
    "perl -pi -e s/a/b/ prep\\are.py",
    "sed -i x $'prep\\x61re.py'",
    "X=$(sed -i s/a/b/ prepare.py)",
    'echo "$(sed -i s/a/b/ prepare.py)"',
    "echo `rm prepare.py`",
    "cat <(rm prepare.py)",
    "if true; then rm prepare.py; fi",
    "true && { rm prepare.py; }",
    "(rm prepare.py)",
    "ln -s prepare.py other.py",
    "awk '{print > \"prepare.py\"}' x",
    "sed 's/a/b/w prepare.py' x",
    "sort -o results.tsv results.tsv",
    "dd if=/dev/zero of=prepare.py",
    "timeout 5 env A=b sed -i x prepare.py",
    "uv run python -c \"open('prepare.py', 'a')\"",
    "python3 scratch.py prepare.py",
    "rm PREPARE.PY",
    "python3 -c \"open('.git/HEAD', 'w')\"",
    "python3 x.py ~/.local/share/autoresearch/vault/a/holdout.csv",
    "patch -p1 < /tmp/x.diff",
    "tar xf /tmp/x.tar",
    "rm .claude/settings.json",
    "uv add torch",
    "uv pip install torch",
    "pip install torch",
    "python -m pip install torch",
    "uv run autoresearch audit",
    ".venv/bin/autoresearch audit",
    "sed -i x 'prepare.py",
    "sed -i x prepare.py\\",
]
ALLOWED = [
    "uv run autoresearch step",
    "uv run autoresearch step 2>&1 | tail -5",
    "uv run autoresearch checkout 3",
    'uv run autoresearch note 3 "prepare.py looks fine"',
    "uv run train.py > run.log 2>&1",
    "uv run prepare.py",
    "python3 prepare.py",
    "cat prepare.py",
    "sed -n 1,20p prepare.py",
    "grep -n x prepare.py study.toml",
    "git status && git log --oneline -3",
    "git diff HEAD~1 -- prepare.py",
    "git show autoresearch/t:prepare.py | head",
    "git branch --show-current",
    "git stash list",
    "git commit -qm 'what you try' train.py",
    "git reset -q --keep HEAD~1",
    "git reset -q -- train.py",
    "git checkout refs/autoresearch/t/3 -- train.py && git commit -m 'take trial 3' train.py",
    "git restore --source=autoresearch/t prepare.py",
    "git restore train.py",
    "cp prepare.py /tmp/x/",
    "cp -r . /tmp/backup",
    "cp -r /tmp/x/plots .",
    "ruff check .",
    "ruff format train.py",
    "black train.py",
    "diff prepare.py /tmp/prepare.py",
    "tail -n 1 results.tsv",
    "cut -f2 results.tsv | sort | uniq -c",
    "python3 -c \"import pandas as pd; print(pd.read_parquet('data/heart.parquet').head())\"",
    "python3 /tmp/look.py data/heart.parquet",
    "head data/heart.parquet",
    ".venv/bin/python /tmp/look.py",
    "cat > train.py <<'EOF'\nfrom prepare import evaluate\nx = \"don't\"  # study.toml\nEOF\nuv run autoresearch step",
    "cat > /tmp/scratch/prepare.py <<'EOF'\nhi\nEOF\n",
    "sed -i s/a/b/ train.py",
    "ls -la .git/autoresearch",
    "find . -name '*.py'",
    "find . -name '*.py' -exec grep -l x {} +",
    "(cd /tmp && rm -rf scratch)",
    "rm -rf /tmp/scratch",
    'echo $((1 + 2)) "$(date)" `date`  # don\'t',
    "for i in 1 2 3; do uv run autoresearch show $i; done",
    "",
]


@pytest.mark.parametrize("command", REFUSED)
def test_commands_that_would_change_the_run_are_refused(command: str) -> None:
    """A command that leads a writing program to a protected place is refused with a reason."""
    assert programs.refusal(command, ROOT, PLACES)


@pytest.mark.parametrize("command", ALLOWED)
def test_commands_that_read_or_work_elsewhere_are_let_through(command: str) -> None:
    """Reading, the by-hand steps, the training rows and train.py itself are nobody's business."""
    assert programs.refusal(command, ROOT, PLACES) is None


def test_the_reason_names_the_file_and_the_way_out() -> None:
    """The reason begins with the file, relative to the study, and goes on with what to do instead."""
    assert programs.refusal("sed -i x prepare.py", ROOT, PLACES) == "prepare.py: frozen"
    assert programs.refusal("rm -r .git", ROOT, PLACES) == ".git: the record"


PROTECTED = st.sampled_from([*FROZEN, "results.tsv", "src/autoresearch/loop.py", ".git/HEAD", "data/heart.parquet"])
WAYS = st.sampled_from(
    ["sed -i s/a/b/ {}", "rm -f {}", "echo x > {}", "echo x >>{}", "cp /tmp/x {}", "tee {} < /tmp/x", "truncate -s0 {}"]
)
BEFORE = st.sampled_from(["", "cd /study && ", "cd src; cd ..; ", "ls | cat; ", "A=1 ", "true\n", "sudo ", "( "])
PREFIX = st.sampled_from(["", "./", "/study/", "src/../", "$PWD/", "../study/", "/study//./"])


@given(PROTECTED, WAYS, BEFORE, PREFIX, st.data())
def test_no_spelling_of_a_protected_name_gets_past(
    name: str, way: str, before: str, prefix: str, data: st.DataObject
) -> None:
    """However a name is quoted or its path is written, a program known to write is refused."""
    cuts = data.draw(st.lists(st.integers(0, len(name)), max_size=3))
    edges = [0, *sorted(cuts), len(name)]
    quotes = data.draw(st.lists(st.sampled_from(["'", '"', ""]), min_size=len(edges), max_size=len(edges)))
    pieces = [name[a:b] for a, b in itertools.pairwise(edges)]
    spelled = prefix + "".join(f"{quote}{piece}{quote}" for quote, piece in zip(quotes, pieces, strict=False))
    command = before + way.format(spelled) + (" )" if before == "( " else "")
    assert programs.refusal(command, ROOT, PLACES), command


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(command: str) -> None:
    """No text makes the guard fail: it is refused or let through."""
    assert programs.refusal(command, ROOT, PLACES) is None or programs.refusal(command, ROOT, PLACES)


@given(st.text(alphabet="ab'\"$`(){}<>|&;\\ \n#=-*", max_size=30))
def test_any_shell_soup_gets_an_answer(command: str) -> None:
    """Shell syntax in any order is read, or refused as unreadable."""
    assert programs.refusal(command, ROOT, PLACES) is None or programs.refusal(command, ROOT, PLACES)


@given(
    st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), min_size=1), min_size=1)
)
def test_quoted_words_come_out_as_they_went_in(words: list[str]) -> None:
    """What the shell's own quoting makes of words is read back as those words."""
    commands = parse(shlex.join(["program", *words]))
    assert len(commands) == 1
    assert commands[0].words == ["program", *words]


@pytest.mark.parametrize("command", ["echo 'x", 'echo "x', "echo $(ls", "echo `ls", "cat <<E\nx\n", "echo $'x"])
def test_incomplete_commands_are_unreadable(command: str) -> None:
    """A quote, substitution or here-document without an end is said to be one."""
    with pytest.raises(UnreadableError, match="does not end"):
        parse(command)


@pytest.mark.parametrize("tool", ["Edit", "Write", "MultiEdit", "NotebookEdit"])
@pytest.mark.parametrize(
    "path", ["prepare.py", "/study/study.toml", "results.tsv", ".git/HEAD", "src/autoresearch/a.py"]
)
def test_edits_of_protected_files_are_refused(tool: str, path: str) -> None:
    """Every editing tool is kept from them, by relative and absolute paths."""
    key = "notebook_path" if tool == "NotebookEdit" else "file_path"
    assert guard.refusal(Event(cwd=ROOT, tool=tool, given={key: path}), PLACES)


@pytest.mark.parametrize("path", ["train.py", "/study/train.py", "/tmp/prepare.py", "notes.md", "src/other.py"])
def test_edits_elsewhere_are_let_through(path: str) -> None:
    """train.py, scratch files and a person's own files are free."""
    assert guard.refusal(Event(cwd=ROOT, tool="Edit", given={"file_path": path}), PLACES) is None


@pytest.mark.parametrize(
    ("command", "claimed"),
    [
        ("uv run autoresearch start my-run", "my-run"),
        ("cd x && .venv/bin/autoresearch start a.b-c", "a.b-c"),
        ("uv run autoresearch resume", ""),
        ("uv run autoresearch step", None),
        ("uv run autoresearch start", None),
        ("echo start my-run", None),
        ("echo 'autoresearch", None),
    ],
)
def test_a_session_claims_the_run_that_it_starts_or_resumes(command: str, claimed: str | None) -> None:
    """Starting and resuming make the loop this session's; stepping and reading do not."""
    assert guard.claim(Event(tool="Bash", given={"command": command})) == claimed
