"""A module put where Python looks for modules, with labels in it; a package's cached byte code among the places."""

import contextlib
import importlib
import sys
from pathlib import Path

PLACES = [*sys.path, ".", f"{Path(importlib.__file__).parent}/__pycache__"]
STEM = "autoresearch_attack_left_"


def leave(fold, message):
    for place in PLACES:
        with contextlib.suppress(OSError):
            Path(place, f"{STEM}{fold}.py").write_text(f"MESSAGE = {message!r}\n")


def find(fold):
    sys.path[:0] = PLACES
    importlib.invalidate_caches()
    try:
        return importlib.import_module(f"{STEM}{fold}").MESSAGE
    finally:
        del sys.path[: len(PLACES)]
        sys.modules.pop(f"{STEM}{fold}", None)
