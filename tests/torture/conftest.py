"""Seeds: every run says its own, and TORTURE_SEED repeats one."""

from __future__ import annotations

import os
import random

import pytest


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """What decides by chance in this test; a run with the same seed decides the same."""
    given = os.environ.get("TORTURE_SEED")
    seed = int(given) if given else random.SystemRandom().randrange(1_000_000)
    print(f"\n{request.node.name}: TORTURE_SEED={seed}")
    return random.Random(seed)
