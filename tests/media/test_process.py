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
from media.mailbox import Mailbox
from media.message import Caller as CallerIdentity
from media.message import Envelope
from media.protocol import CountsChanged, MessageStored
from media.protocol import Service as Media
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.notifier.queue import Outbox
from provisioning.store.outbox import VoicemailLeft
from provisioning.store.store import Store, open_store
from tests.media.conftest import PROMPTS, USER, Signalling, connect, free_network
from tests.media.people import People
from tests.media.support import has_ended, main_frequency, tone, until, wav_samples, within
from tests.media.visitor import Visitor
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied


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
            "RINGPLAN_SMTP__HOST": "127.0.0.1",
            "RINGPLAN_SMTP__SENDER": "voicemail@acme.example",
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
    assert message.path.stat().st_mode & 0o077 == 0, "what callers say is for nobody else on this machine"
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


async def people(data: Path) -> Store:
    """A store with so many users that there is one for the mailbox, who wants mail."""
    users = "".join(
        f'[[customers.users]]\nname = "U{number}"\nemail = "u{number}@acme.example"\nvoice_portal_pin = ""\n'
        "notify = { voicemail = true }\n"
        for number in range(1, USER + 1)
    )
    store = await open_store(data)
    await apply_changes(store, parse_company_file(f'[[customers]]\nname = "Acme"\n{users}'))
    return store


async def leave_message(service: Service) -> None:
    signalling = await connect(service.socket)
    caller = await signalling.call(speech=tone(440, 1.0))
    await being_recorded(service, signalling, 1.5)
    caller.hang_up()
    await signalling.event(MessageStored)
    signalling.client.close()
    caller.close()


async def queued(store: Store, number: int) -> list[str]:
    """The messages that somebody is to be told of, once there are so many."""
    async with asyncio.timeout(30):
        while len(found := await Outbox(store).due(datetime.now(UTC), 100)) < number:
            await asyncio.sleep(0.02)
    return sorted(entry.news.message for entry in found if isinstance(entry.news, VoicemailLeft))


@pytest.mark.behaviour("V5")
async def test_a_message_is_queued_for_its_owner_also_one_that_a_host_died_over(service: Service) -> None:
    async with await people(service.data) as store:
        first = await service.start()
        await leave_message(service)
        (told,) = await queued(store, 1)
        # The next one is recorded when everything dies.
        signalling = await connect(service.socket)
        caller = await signalling.call(speech=tone(440, 1.0))
        await being_recorded(service, signalling, 1.5)
        for pid in (first.process.pid, *(event["pid"] for event in first.logged("media.worker_started"))):
            os.kill(pid, signal.SIGKILL)
        await service.start()
        kept = [message.id for message in Mailbox(service.data / "mailbox").list(USER)]
        assert await queued(store, 2) == kept
        assert told in kept
        caller.close()


@pytest.mark.behaviour("V3")
async def test_messages_are_taken_while_the_database_is_damaged_and_told_once_it_is_mended(
    service: Service,
) -> None:
    store = await people(service.data)
    await store.close()
    database = service.data / "ringplan.db"
    sound = database.read_bytes()
    database.write_bytes(b"")
    process = await service.start()
    await until(lambda: bool(process.logged("owners.unavailable")))
    await leave_message(service)
    assert len(Mailbox(service.data / "mailbox").list(USER)) == 1
    database.write_bytes(sound)
    async with await open_store(service.data) as mended:
        assert len(await queued(mended, 1)) == 1
    process.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.process.wait(), 10) == 0
    assert not process.logged("process.crashed")


async def test_sigterm_ends_the_process_cleanly(service: Service) -> None:
    first = await service.start()
    assert (service.socket.stat().st_mode & 0o777) == 0o600
    first.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first.process.wait(), 10) == 0
    assert not service.socket.exists()
    assert not first.logged("process.crashed")


async def test_a_second_host_on_the_same_data_refuses(
    service: Service, host_settings: HostSettings, owners: People
) -> None:
    await service.start()
    settings = replace(
        host_settings, socket=service.socket, mailboxes=service.data / "mailbox", lock_within=0.3
    )
    second = MediaHost(settings, People({}))
    second = MediaHost(settings, owners)
    with pytest.raises(StillWriting):
        await second.start()
    await second.stop()
    assert service.socket.exists()
