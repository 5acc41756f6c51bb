"""A module that remembers a secret when it is imported."""

import sys
from pathlib import Path

HERE = Path(__file__).with_name("ledger.db")
sys.found = HERE.read_text()
