"""The media host as a process of its own: killed while it records, and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from media import wav
from media.archive import StillWriting
from media.client import MediaGone
from media.host import HostSettings, MediaHost
from media.mailbox import Caller as CallerIdentity
from media.mailbox import Envelope, Mailbox
from media.protocol import CountsChanged
from media.protocol import Service as Media
from provisioning.store import open_store
from tests.media.conftest import PROMPTS, USER, Signalling, connect, free_network
from tests.media.people import People
from tests.media.support import has_ended, main_frequency, tone, until, wav_samples, within
from tests.media.visitor import Visitor
from tests.provisioning.company import customer, user
from tests.provisioning.test_apply import applied


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


@pytest.mark.behaviour("V3")
async def test_a_host_killed_while_a_message_is_reviewed_keeps_it(service: Service) -> None:
    first = await service.start()
    signalling = await connect(service.socket)
    caller = await signalling.call(speech=tone(440, 1.0))
    caller.press("#")
    await being_recorded(service, signalling, 1.5)
    caller.press("#")
    await Visitor(caller, PROMPTS).hears("review-menu")
    os.kill(first.process.pid, signal.SIGKILL)
    second = await service.start()
    (message,) = Mailbox(service.data / "mailbox").list(USER)
    assert second.logged("mailbox.repaired")[0]["message"] == message.id
    caller.close()


ANNA, ANNAS_PIN, ANNAS_NEW_PIN = 1, "402917", "635281"


@pytest.mark.behaviour("W3", "W5")
async def test_what_was_decided_in_the_portal_outlives_the_host(service: Service) -> None:
    service.data.mkdir()
    store = await open_store(service.data)
    await applied(store, customer(user("anna", f'voice_portal_pin = "{ANNAS_PIN}"')))
    await store.close()
    mailbox = Mailbox(service.data / "mailbox")
    for number in range(3):
        envelope = Envelope(CallerIdentity(), datetime.now(UTC), f"{number}@test.example", "busy")
        recording = mailbox.begin(ANNA, envelope, f"m{number}")
        wav.write(recording.next_part(), tone(440, 2.0).tobytes())
        mailbox.deposit(recording)
    first = await service.start()
    signalling = await connect(service.socket)
    visitor = await portal(signalling, "p1")
    visitor.press(ANNAS_PIN)
    await visitor.hears("you-have")
    visitor.press("1")
    await visitor.hears("message-new")
    visitor.press("3")
    await visitor.hears("message-deleted")
    visitor.press("2")
    await visitor.hears("message-saved")
    visitor.press("*4")
    await visitor.hears("new-pin")
    visitor.press(ANNAS_NEW_PIN)
    await visitor.hears("repeat-pin")
    visitor.press(ANNAS_NEW_PIN)
    await visitor.hears("pin-changed")
    os.kill(first.process.pid, signal.SIGKILL)
    await within(visitor.caller.ended.wait())
    second = await service.start()
    assert [message.state for message in mailbox.list(ANNA)] == ["saved", "new"]
    assert not list((service.data / "mailbox" / str(ANNA) / "deleted").iterdir())
    again = await connect(service.socket)
    assert await again.event(CountsChanged) == CountsChanged(ANNA, 1, 1)
    visitor = await portal(again, "p2")
    visitor.press(ANNAS_NEW_PIN)
    await visitor.hears("you-have")
    for pin in (ANNAS_PIN, ANNAS_NEW_PIN):
        assert pin not in str([first.events, second.events])


async def portal(signalling: Signalling, session: str) -> Visitor:
    """Call the portal until it asks for the PIN: the database is opened beside."""
    for attempt in range(10):
        caller = await signalling.call(
            f"{session}{attempt}", mailbox=ANNA, service=Media.PORTAL, occasion=None
        )
        visitor = Visitor(caller, PROMPTS)
        try:
            await visitor.hears("enter-pin", within=2.0)
        except AssertionError:
            caller.hang_up()
        else:
            return visitor
    raise AssertionError("the portal does not open")


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
