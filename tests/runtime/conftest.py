"""One relay process for all tests of this process, and a node for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.runtime.node import Node, relay_process, running_node, short_folder
from tests.support.addresses import fresh_address


@pytest.fixture(scope="session")
def relay_socket() -> Iterator[Path]:
    with short_folder() as data, relay_process(data, fresh_address()):
        yield data / "run" / "relay.sock"


@pytest.fixture
async def node(relay_socket: Path) -> AsyncIterator[Node]:
    async with running_node(relay_socket) as running:
        yield running
