"""The relay as a process: where it listens, how it ends, how it refuses to start."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest

from media.relay.client import RelayClient
from tests.media.relay.phone import Phone, speak_until_heard
from tests.media.relay.process import RelayProcess, ask, environment, running_relay
from tests.support.addresses import fresh_address


async def test_sigterm_ends_it_and_its_client_knows(relay: RelayProcess, client: RelayClient) -> None:
    assert stat.S_IMODE(relay.path.stat().st_mode) == 0o600
    assert await relay.terminate() == 0
    await asyncio.wait_for(relay.gone.wait(), 5)
    assert not client.alive
    assert not relay.path.exists()


async def test_a_socket_left_behind_does_not_hinder_the_next_start(tmp_path: Path) -> None:
    async with running_relay(tmp_path, fresh_address()) as relay:
        relay.kill()
        await relay.process.wait()
        assert relay.path.exists()
    async with running_relay(tmp_path, fresh_address()) as relay:
        (await relay.connect()).disconnect()


async def test_a_client_that_leaves_while_it_waits(relay: RelayProcess, client: RelayClient) -> None:
    waiting = asyncio.ensure_future(relay.connect())
    await asyncio.sleep(0)
    waiting.cancel()
    client.disconnect()
    (await relay.connect()).disconnect()


async def test_a_wrong_setting_stops_it_with_a_sentence(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "media.relay"),
        stderr=asyncio.subprocess.PIPE,
        env=environment(tmp_path, "127.0.0.1", {"media__silence_timeout": "never"}),
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().startswith("relay: media.silence_timeout")
    assert "Traceback" not in said.decode()


async def test_a_folder_that_cannot_be_made_stops_it_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "media.relay"),
        stderr=asyncio.subprocess.PIPE,
        env=environment(tmp_path / "file" / "data", "127.0.0.1", {}),
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().startswith("relay: ")
    assert "Traceback" not in said.decode()


@pytest.mark.parametrize("nat", [False, True])
async def test_bound_to_every_address_it_serves_phones_and_workers_alike(tmp_path: Path, nat: bool) -> None:
    """As with `media.public_address`: phones are told one address of the machine, workers another."""
    phone, worker = await Phone.start("127.0.0.2"), await Phone.start()
    async with running_relay(tmp_path, "0.0.0.0") as relay:
        client = await relay.connect()
        ports = await ask(client.open, "r1", phone.peer_behind_nat if nat else phone.peer)
        await ask(client.connect_far, "r1", worker.peer)
        await speak_until_heard(phone, ("127.0.0.3", ports.near), worker)
        await phone.hears(worker.say(("127.0.0.1", ports.far)))


async def test_bound_to_one_loopback_address_it_serves_all_of_loopback(tmp_path: Path) -> None:
    phone, worker = await Phone.start("127.0.0.2"), await Phone.start()
    async with running_relay(tmp_path, "127.0.0.1") as relay:
        client = await relay.connect()
        ports = await ask(client.open, "r1", phone.peer)
        await ask(client.connect_far, "r1", worker.peer)
        await worker.hears(phone.say(("127.0.0.1", ports.near)))
        await phone.hears(worker.say(("127.0.0.1", ports.far)))
