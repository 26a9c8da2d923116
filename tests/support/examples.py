"""How many examples a property is tried with: a few in each run, ten times as many in `make torture`."""

from __future__ import annotations

import os

THOROUGH = int(os.environ.get("THOROUGH", "1"))


def examples(number: int) -> int:
    """So many, or as many times more as THOROUGH says."""
    return number * THOROUGH
