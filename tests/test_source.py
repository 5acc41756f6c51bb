"""A source's fingerprints: what never makes a new version, what always does, and what is only another seed."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch.source import fingerprints, hypothesis, imported_packages, memorised, same_text

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])
LITERALS = st.one_of(
    st.integers(-9, 9),
    st.floats(-2, 2, allow_nan=False).map(lambda x: round(x, 2) + 0.0),
    st.sampled_from(["mean", "a#b", 'say "hi"', ""]),
)
COMMENTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20)
DOCSTRINGS = st.text(alphabet="abc xyz.#'", max_size=20)


@st.composite
def statements(draw: st.DrawFn) -> ast.stmt:
    """An assignment, a call, or a function with a few lines in it."""
    name, value = draw(NAMES), ast.Constant(draw(LITERALS))
    kind = draw(st.sampled_from(["assign", "call", "function", "class"]))
    if kind == "assign":
        return ast.parse(f"{name} = {ast.unparse(value)}").body[0]
    if kind == "call":
        return ast.parse(f"{name}({ast.unparse(value)}, depth={draw(LITERALS)!r})").body[0]
    head = "def {0}(X):\n    " if kind == "function" else "class {0}:\n    "
    return ast.parse(f"{head.format(name)}{draw(NAMES)} = {ast.unparse(value)}").body[0]


PROGRAMS = st.lists(statements(), min_size=1, max_size=6)


def code(source: str) -> str:
    """The fingerprint of what `source` does."""
    return fingerprints(source).code


def plain(program: list[ast.stmt]) -> str:
    """The program as Python itself writes it."""
    return "\n".join(ast.unparse(statement) for statement in program)


@st.composite
def dressed(draw: st.DrawFn, program: list[ast.stmt]) -> str:
    """The same program with comments, blank lines, docstrings, HYPOTHESIS and a main guard of any kind."""
    lines = [f'"""{draw(DOCSTRINGS)}"""'] if draw(st.booleans()) else []
    for statement in program:
        text = ast.unparse(statement)
        if draw(st.booleans()) and isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            text = text.replace("\n    ", f'\n    """{draw(DOCSTRINGS)}"""\n\n    # {draw(COMMENTS)}\n    ', 1)
        if draw(st.booleans()):
            text = text.replace("    ", "\t")
        if draw(st.booleans()):
            lines += [f"# {draw(COMMENTS)}", ""]
        if draw(st.booleans()):
            lines.append(f"HYPOTHESIS = {draw(DOCSTRINGS)!r}")
        lines += [f"{text}  # {draw(COMMENTS)}", *[""] * draw(st.integers(0, 2))]
    if draw(st.booleans()):
        lines += ['if __name__ == "__main__":', "    evaluate(__file__)"]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(st.data(), PROGRAMS)
def test_appearance_makes_no_new_version(data: st.DataObject, program: list[ast.stmt]):
    """Comments, blank lines, docstrings, HYPOTHESIS, line ends, indentation and the main guard do not count."""
    source = data.draw(dressed(program))
    assert fingerprints(source) == fingerprints(plain(program)), source


@given(st.data(), PROGRAMS)
def test_another_literal_is_another_version(data: st.DataObject, program: list[ast.stmt]):
    """A changed literal anywhere is a new version, in a program however dressed."""
    before = code(data.draw(dressed(program)))
    constants = [node for statement in program for node in ast.walk(statement) if isinstance(node, ast.Constant)]
    node = data.draw(st.sampled_from(constants))
    node.value = data.draw(LITERALS.filter(lambda value: repr(value) != repr(node.value)))
    assert code(data.draw(dressed(program))) != before


@given(st.data(), PROGRAMS)
def test_another_name_is_another_version(data: st.DataObject, program: list[ast.stmt]):
    """A changed name anywhere is a new version."""
    before, source = code(plain(program)), plain(program)
    found = list(re.finditer(r"\b(alpha|beta|gamma|delta)\b", source))
    match = data.draw(st.sampled_from(found))
    assert code(f"{source[: match.start()]}omega{source[match.end() :]}") != before


@given(PROGRAMS, PROGRAMS)
def test_same_fingerprint_means_same_program(one: list[ast.stmt], other: list[ast.stmt]):
    """Two programs share a fingerprint only when they are the same program."""
    same = [ast.dump(a) for a in one] == [ast.dump(b) for b in other]
    assert (code(plain(one)) == code(plain(other))) == same


@given(st.text(max_size=60))
def test_any_text_has_a_fingerprint(text: str):
    """Whatever stands in the file, it has a fingerprint, always the same, and a hypothesis of one line."""
    text = text.encode("utf-8", "replace").decode()
    assert fingerprints(text) == fingerprints(text)
    assert "\n" not in hypothesis(text)
    imported_packages(text)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "1 + " * 5000 + "1",
        "x = " + "1 + " * 900 + "1",
        "x = " + "(" * 500,
        "def (",
        "a\0b",
        "x = " + "-" * 3000 + "1",
    ],
    ids=["deeper than the parser", "deeper than a visitor", "parentheses", "syntax", "nul", "signs"],
)
def test_text_that_cannot_be_walked_is_hashed_as_it_is(text: str):
    """A file that does not parse, or is too deep, is told apart by its text."""
    assert fingerprints(text).code != fingerprints(f"{text}2").code
    assert fingerprints(text) == fingerprints(text)
    assert hypothesis(text) == ""


SEEDED = [
    "model(random_state={})",
    "model(seed={}, depth=3)",
    "pipe.set_params(model__random_state={})",
    "SEED = {}",
    "seed = {}",
    "RANDOM_STATE: int = {}",
    "cv_seed = {}",
    "a = seed = {}",
    "self.seed = {}",
    "params['seed'] = {}",
    "params = {{'seed': {}, 'depth': 3}}",
    "params = {{'bagging_seed': {}, 'model__random_state': 1}}",
    "params = dict(random_state={})",
    "seeds = [{}, 2, 3]",
    "SEEDS = ({}, 2, 3)",
    "np.random.seed({})",
    "random.seed({})",
    "rng = np.random.default_rng({})",
    "rng = default_rng(seed={})",
    "rng = np.random.RandomState({})",
    "rng = random.Random({})",
    "torch.manual_seed({})",
    "def split(X, seed={}):\n    return X",
    "def split(X, *, random_state={}):\n    return X",
]


@pytest.mark.parametrize("form", SEEDED)
@pytest.mark.parametrize(("one", "other"), [("1", "2"), ("0", "42"), ("7", "-1"), ("1", "None")])
def test_seed_alone_is_recognised(form: str, one: str, other: str):
    """Two sources that differ in the value of a seed alone differ as code and agree without their seeds."""
    first, second = (fingerprints(f"depth = 3\n{form.format(value)}\n") for value in (one, other))
    assert first.code != second.code
    assert first.seedless == second.seedless
    assert fingerprints(f"depth = 4\n{form.format(other)}\n").seedless != first.seedless


@pytest.mark.parametrize(
    "form",
    [
        "model(n_seeds={})",
        "n_seeds = {}",
        "depth = {}",
        "model({})",
        "params = {{'depth': {}, 'seed': 1}}",
        "model(seed=1, depth={})",
        "rng.integers({})",
        "state = {}",
        "seeded = {}",
    ],
)
def test_what_is_no_seed_counts(form: str):
    """A number that is no seed's value makes another version without seeds too."""
    assert fingerprints(form.format(1)).seedless != fingerprints(form.format(2)).seedless


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("if __name__ != '__main__':\n    C = 1", "if __name__ != '__main__':\n    C = 2"),
        ("if model.__name__ == 'x':\n    C = 1", "if model.__name__ == 'x':\n    C = 2"),
        (
            "if __name__ == '__main__':\n    pass\nelse:\n    C = 1",
            "if __name__ == '__main__':\n    pass\nelse:\n    C = 2",
        ),
        ("HYPOTHESIS = C = 1", "HYPOTHESIS = C = 2"),
        ("def f():\n    HYPOTHESIS = 1\n    return HYPOTHESIS", "def f():\n    HYPOTHESIS = 2\n    return HYPOTHESIS"),
        ("x = '''doc'''", "x = '''other'''"),
    ],
    ids=["guard turned round", "another name", "guard with else", "shared target", "local", "string"],
)
def test_code_that_looks_like_decoration_counts(one: str, other: str):
    """What runs when the file is measured is part of the version, however it is dressed up."""
    assert code(one) != code(other)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('HYPOTHESIS = "scale first"', "scale first"),
        ('HYPOTHESIS: str = "scale first"', "scale first"),
        ('HYPOTHESIS = ("scale "\n  "first")', "scale first"),
        ('HYPOTHESIS = """scale\n\tfirst\n"""', "scale first"),
        ("HYPOTHESIS = 3", "3"),
        ("HYPOTHESIS: str", ""),
        ('HYPOTHESIS = f"{x}"', ""),
        ("HYPOTHESIS = {[]: 1}", ""),
        ('def f():\n    HYPOTHESIS = "no"', ""),
        ("", ""),
        ('HYPOTHESIS = "a\\x1b[31mb\\0c\\ud800d"', "a [31mb c d"),
        ('HYPOTHESIS = "größer → besser"', "größer → besser"),
    ],
)
def test_hypothesis(source: str, expected: str):
    """HYPOTHESIS is read from the top level as one printable line; what is no plain text gives none."""
    assert hypothesis(source) == expected


def test_imported_packages():
    """Imports are found wherever they stand, relative ones left out, each once and in order."""
    source = "import b.c\ndef f():\n    from a import x\n    import b.c as d\nfrom . import e\nfrom .g import h\n"
    assert imported_packages(source) == ["b.c", "a"]


def test_same_text():
    """Line ends are no difference between texts, anything else is."""
    assert same_text("a\r\nb\n", "a\nb\n")
    assert not same_text("a\nb\n", "a\nb")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n" * 20_000, "120000 characters"),
        (f"x = '{'ab' * 1500}'", "a literal of 3000 characters"),
        (f"x = b'{'ab' * 1500}'", "a literal of 3000 characters"),
        (f"x = 0x{'f' * 9000}", "a literal of 9000 characters"),
        (f"x = {list(range(400))}", "400 literals"),
    ],
    ids=["long", "text", "bytes", "number", "list"],
)
def test_memorised_table_is_seen(source: str, said: str):
    """A file that could hold a copy of the table is told from a model by its size and its literals."""
    assert (memorised(source) or "").startswith(said)


@pytest.mark.parametrize("source", ["", "def (", "x = " + "1 + " * 5000 + "1", "x = 1"])
def test_no_table_in_a_plain_source(source: str):
    """A small source, one that does not parse among them, is no table."""
    assert memorised(source) is None
