"""Python as a syntax tree: one thread at a time."""

import ast
import threading

__all__ = ["parsed", "parsed_expression"]

# Python before 3.11.8 and 3.12.2 counts the depth of a tree once for all threads: where a garbage collection lets
# another one in, both fail with "SystemError: AST constructor recursion depth mismatch".
_ONE = threading.RLock()  # a collection may also run code that parses, in the same thread


def parsed(source: str) -> ast.Module:
    """The tree of a module.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        The source is no Python, or too deep to be read.
    """
    with _ONE:
        return ast.parse(source)


def parsed_expression(source: str) -> ast.expr:
    """The tree of one expression; raises as `parsed` does."""
    with _ONE:
        return ast.parse(source, mode="eval").body
