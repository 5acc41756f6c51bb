"""Attributes of a module that stays imported."""

import numpy as np

LEFT = "_labels_of_fold_"


def leave(fold, message):
    setattr(np, f"{LEFT}{fold}", message)


def find(fold):
    return getattr(np, f"{LEFT}{fold}", None)
