"""A secret that a module outside the environment left in the process that imported it ahead."""

import hashlib
import sys

TOKEN = ""


def reach():
    return hashlib.sha256(sys.found.encode()).hexdigest() == TOKEN
