"""Extended attributes of readable files."""

import os

SHARED = ""


def leave(fold, message):
    os.setxattr(f"{SHARED}{fold}", "user.left", message)


def find(fold):
    return os.getxattr(f"{SHARED}{fold}", "user.left")
