"""A running relay and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.relay.client import RelayClient
from tests.media.relay.process import RelayProcess, running_relay
from tests.support.addresses import fresh_address


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RelayProcess]:
    async with running_relay(tmp_path, fresh_address()) as process:
        yield process


@pytest.fixture
async def client(relay: RelayProcess) -> AsyncIterator[RelayClient]:
    connected = await relay.connect()
    yield connected
    connected.disconnect()
