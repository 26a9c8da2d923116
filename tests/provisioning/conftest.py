"""A store on a fresh data directory, with PINs hashed cheaply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provisioning.store.store import Store, open_store
from tests.provisioning.templates import CHEAP, data_directory


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await open_store(await data_directory(tmp_path / "data"), CHEAP) as opened:
        yield opened
