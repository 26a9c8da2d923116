"""The media host as a process of its own: killed while it records, and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media.archive import StillWriting
from media.client import MediaGone
from media.host import HostSettings, MediaHost
from media.mailbox import Mailbox
from media.protocol import CountsChanged
from tests.media.conftest import USER, Signalling, connect, free_network
from tests.media.people import People
from tests.media.support import has_ended, main_frequency, tone, until, wav_samples, within


class Process:
    """`python -m media` and the events it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    def logged(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


class Service:
    """Starts the process again and again on the same data."""

    def __init__(self, data: Path, prompts: Path) -> None:
        self.data = data
        self.socket = data / "run" / "media.sock"
        self.processes: list[Process] = []
        self._environment = os.environ | {
            "RINGPLAN_DATA_DIR": str(data),
            "RINGPLAN_MEDIA__WORKERS": "1",
            "RINGPLAN_MEDIA__WORKER_NETWORK": str(free_network()),
            "RINGPLAN_MEDIA__PROMPTS": str(prompts),
            "RINGPLAN_VOICEMAIL__MIN_SECONDS": "0.5",
            "RINGPLAN_LOG__FORMAT": "json",
        }

    async def start(self) -> Process:
        process = Process(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "media"),
                env=self._environment,
                stdout=asyncio.subprocess.PIPE,
            )
        )
        self.processes.append(process)
        await until(lambda: bool(process.logged("process.ready")))
        return process


@pytest.fixture
async def service(tmp_path: Path, host_settings: HostSettings) -> AsyncIterator[Service]:
    prompts = tmp_path / "short"
    prompts.mkdir()
    (prompts / "en").symlink_to(host_settings.prompts)
    service = Service(tmp_path / "data", prompts)
    yield service
    for process in service.processes:
        if process.process.returncode is None:
            process.process.send_signal(signal.SIGTERM)
        await within(process.process.wait())
        await within(process.reader)


async def being_recorded(service: Service, signalling: Signalling, seconds: float) -> None:
    def written() -> float:
        parts = service.data.glob("mailbox/*/tmp/*/part-*.wav")
        return sum(part.stat().st_size for part in parts) / 16000

    await until(lambda: written() >= seconds)


@pytest.mark.behaviour("V3")
async def test_a_host_killed_while_recording_is_repaired(service: Service) -> None:
    first = await service.start()
    signalling = await connect(service.socket)
    caller = await signalling.call(speech=tone(440, 1.0))
    await being_recorded(service, signalling, 1.5)
    workers = [event["pid"] for event in first.logged("media.worker_started")]
    os.kill(first.process.pid, signal.SIGKILL)
    await within(caller.ended.wait())
    await until(lambda: signalling.gone)
    assert isinstance(await signalling.reserve("s2"), MediaGone)
    second = await service.start()
    (repaired,) = second.logged("mailbox.repaired")
    assert repaired["kept"]
    assert all(has_ended(pid) for pid in workers)
    (message,) = Mailbox(service.data / "mailbox").list(USER)
    assert message.id == repaired["message"]
    assert message.seconds >= 1.5
    assert abs(main_frequency(wav_samples(message.path)) - 440) < 2
    again = await connect(service.socket)
    assert await again.event(CountsChanged) == CountsChanged(USER, 1, 0)
    again.client.close()
    caller.close()


@pytest.mark.behaviour("V3")
async def test_host_and_workers_killed_together_lose_at_most_the_last_moment(service: Service) -> None:
    first = await service.start()
    signalling = await connect(service.socket)
    caller = await signalling.call(speech=tone(440, 1.0))
    await being_recorded(service, signalling, 1.5)
    for pid in (first.process.pid, *(event["pid"] for event in first.logged("media.worker_started"))):
        os.kill(pid, signal.SIGKILL)
    second = await service.start()
    (repaired,) = second.logged("mailbox.repaired")
    (message,) = Mailbox(service.data / "mailbox").list(USER)
    assert repaired["seconds"] == message.seconds >= 1.5
    caller.close()


async def test_sigterm_ends_the_process_cleanly(service: Service) -> None:
    first = await service.start()
    assert (service.socket.stat().st_mode & 0o777) == 0o600
    first.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first.process.wait(), 10) == 0
    assert not service.socket.exists()
    assert not first.logged("process.crashed")


async def test_a_second_host_on_the_same_data_refuses(service: Service, host_settings: HostSettings) -> None:
    await service.start()
    settings = replace(
        host_settings, socket=service.socket, mailboxes=service.data / "mailbox", lock_within=0.3
    )
    second = MediaHost(settings, People({}))
    with pytest.raises(StillWriting):
        await second.start()
    await second.stop()
    assert service.socket.exists()
