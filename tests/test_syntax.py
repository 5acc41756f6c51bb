"""Reading Python: by many threads at once, in the processes that serve several trials."""

import ast
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoresearch.syntax import parsed, parsed_expression

TEXT = Path(ast.__file__).read_text(encoding="utf-8")


@pytest.fixture
def _collections_let_others_in() -> Iterator[None]:
    """Each garbage collection, of which there are many now, is a chance for another thread."""

    def wait(*_: object) -> None:
        time.sleep(1e-5)

    before = gc.get_threshold()
    gc.callbacks.append(wait)
    gc.set_threshold(200)
    yield
    gc.callbacks.remove(wait)
    gc.set_threshold(*before)


@pytest.mark.usefixtures("_collections_let_others_in")
def test_many_threads_parse_at_once():
    """Python 3.11.7 mixes up the depths of trees that two threads build: ast.parse fails here nearly always."""
    trees, failures = list[str](), list[BaseException]()

    def work() -> None:
        try:
            for _ in range(3):
                trees.append(ast.dump(parsed(TEXT)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(trees) == {ast.dump(ast.parse(TEXT))}
    assert len(trees) == 12


def test_an_expression():
    """One expression is read as such; a statement is none."""
    assert ast.unparse(parsed_expression("a+ b")) == "a + b"
    with pytest.raises(SyntaxError):
        parsed_expression("a = b")
