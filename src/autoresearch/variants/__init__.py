"""The variants: one folder per slot of train.py, one real Python file per choice, linted and tested.

A new variant is a new file: a docstring whose first line is its title, FAMILY, TASKS, and the slot's function.
"""
