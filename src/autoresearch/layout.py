"""The files of a study's folder, by their names. Imports nothing: the hooks of the coding client need it at once."""

__all__ = ["EDITABLE", "FACE"]

EDITABLE = "train.py"
FACE = ("program.md", "prepare.py", "study.toml", "pyproject.toml")
"""Files beside train.py that a run freezes, with the engine and the prepared data."""
