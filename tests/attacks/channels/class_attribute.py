"""Attributes of classes and built-ins that outlive the estimator."""

import builtins
import sys

from sklearn.linear_model import LogisticRegression


def leave(fold, message):
    setattr(LogisticRegression, f"left{fold}", message)
    setattr(builtins, f"left{fold}", message)
    sys.modules[f"left{fold}"] = message


def find(fold):
    name = f"left{fold}"
    return getattr(LogisticRegression, name, None) or getattr(builtins, name, None) or sys.modules.get(name)
