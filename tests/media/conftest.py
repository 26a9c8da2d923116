"""A media host inside the test, with real workers, and a client as signalling has it."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from media.client import MediaClient, MediaError
from media.host import HostSettings, MediaHost
from media.message import Caller as CallerIdentity
from media.message import Occasion
from media.pool import PoolSettings
from media.protocol import Event, Place, Reservation, Service
from media.scripts.deposit import Limits
from tests.media.people import PIN, People
from tests.media.support import Caller, Samples, until

PROMPTS = Path(__file__).parent.parent.parent / "media" / "prompts" / "en"
USER = 12
SHORTENED = ("nobody-available", "leave-message", "mailbox-full")

_networks = itertools.count(os.getpid() % 250)


def free_network() -> IPv4Network:
    """Loopback addresses for the workers of one test."""
    number = next(_networks)
    return IPv4Network(f"127.{100 + os.getpid() % 100}.{number % 250}.0/24")


@dataclass
class Signalling:
    """Signalling's view: a client, the events it got, and callers sent to workers."""

    client: MediaClient
    events: list[Event] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    gone: bool = False

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def event(self, kind: type[Event], number: int = 1) -> Event:
        """The `number`th event of this kind, waited for."""
        await until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]

    async def reserve(self, session: str = "s1", **fields: object) -> Place | MediaError:
        answers: list[Place | MediaError] = []
        values: dict[str, object] = {
            "session": session,
            "mailbox": USER,
            "service": Service.DEPOSIT,
            "occasion": Occasion.NO_ANSWER,
            "call_id": f"{session}@test.example",
            "caller": CallerIdentity("+441632960123", "A Caller"),
        }
        self.client.reserve(Reservation(**(values | fields)), answers.append)  # type: ignore[arg-type]
        await until(lambda: bool(answers))
        return answers[0]

    async def resume(self, session: str = "s1") -> Place | MediaError:
        answers: list[Place | MediaError] = []
        self.client.resume(session, answers.append)
        await until(lambda: bool(answers))
        return answers[0]

    async def call(
        self, session: str = "s1", speech: Samples | None = None, codec: int = 8, **fields: object
    ) -> Caller:
        """Reserve, and send the caller there; the call is answered."""
        place = await self.reserve(session, **fields)
        assert isinstance(place, Place)
        return await self.send(place, session, speech, codec)

    async def send(
        self, place: Place, session: str = "s1", speech: Samples | None = None, codec: int = 8
    ) -> Caller:
        caller = await Caller.call(place.address, place.port, session, speech, codec)
        self.callers.append(caller)
        assert caller.status == 200
        return caller


async def connect(socket: Path) -> Signalling:
    """A client on a host's socket."""
    events: list[Event] = []
    holder: list[Signalling] = []

    def gone() -> None:
        holder[0].gone = True

    signalling = Signalling(await MediaClient.connect(socket, events.append, gone), events)
    holder.append(signalling)
    return signalling


@pytest.fixture
def owners() -> People:
    """The users' side: one user with a PIN."""
    return People({USER: PIN})


@pytest.fixture
def host_settings(tmp_path: Path) -> HostSettings:
    """Short limits, short prompts in place of the long ones, one worker kept warm."""
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    for recording in PROMPTS.iterdir():
        (prompts / recording.name).symlink_to(recording)
    for phrase in SHORTENED:
        (prompts / f"{phrase}.wav").unlink()
        (prompts / f"{phrase}.wav").symlink_to(PROMPTS / "digit-8.wav")
    return HostSettings(
        socket=tmp_path / "media.sock",
        mailboxes=tmp_path / "mailbox",
        prompts=prompts,
        pool=PoolSettings(free_network(), spare=1, largest=3),
        limits=Limits(seconds=20.0, silence=5.0, min_sound=0.5, wait=1.0),
        unused_after=2.0,
        stats_every=0.1,
    )


Start = Callable[..., Awaitable[tuple[MediaHost, Signalling]]]


@pytest.fixture
async def start(host_settings: HostSettings, owners: People) -> AsyncIterator[Start]:
    """Start a host with changed settings and connect to it; everything ends with the test."""
    hosts: list[MediaHost] = []
    clients: list[Signalling] = []

    async def begin(**changes: object) -> tuple[MediaHost, Signalling]:
        pool_fields = {key: changes.pop(key) for key in list(changes) if key in PoolSettings.__slots__}
        settings = replace(host_settings, **changes)  # type: ignore[arg-type]
        settings = replace(settings, pool=replace(settings.pool, **pool_fields))  # type: ignore[arg-type]
        host = MediaHost(settings, owners)
        hosts.append(host)
        await host.start()
        clients.append(await connect(settings.socket))
        return host, clients[-1]

    yield begin
    for client in clients:
        for caller in client.callers:
            caller.close()
        client.client.close()
    for host in hosts:
        await host.stop()
