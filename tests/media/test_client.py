"""Signalling's client against a scripted host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from media.client import MediaClient, MediaError, MediaFull, MediaGone, NoSession
from media.lines import JsonLines
from media.message import Caller, Occasion
from media.protocol import Event, Place, Reservation, Service, SessionLost
from tests.media.support import until

RESERVATION = Reservation("s1", 12, Service.DEPOSIT, "call@test.example", Caller(), Occasion.BUSY)


class FakeHost:
    """Keeps every request; the test answers."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.line: JsonLines

    def accept(self) -> JsonLines:
        self.line = JsonLines(self.requests.append, lambda: None)
        return self.line


class Peer:
    def __init__(self) -> None:
        self.host = FakeHost()
        self.events: list[Event] = []
        self.gone = 0
        self.client: MediaClient

    def count_gone(self) -> None:
        self.gone += 1


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer()
    path = tmp_path / "media.sock"
    server = await asyncio.get_running_loop().create_unix_server(peer.host.accept, str(path))
    peer.client = await MediaClient.connect(path, peer.events.append, peer.count_gone)
    yield peer
    peer.client.close()
    server.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("full", MediaFull),
        ("no such session", NoSession),
        ("something else", MediaError),
    ],
)
async def test_each_answer_goes_to_its_request(peer: Peer, error: str, kind: type[MediaError]) -> None:
    answers: list[Place | MediaError] = []
    resumed: list[Place | MediaError] = []
    peer.client.reserve(RESERVATION, answers.append)
    peer.client.resume("s2", resumed.append)
    await until(lambda: len(peer.host.requests) == 2)
    first, second = peer.host.requests
    assert (first["do"], second["do"], second["session"]) == ("reserve", "resume", "s2")
    assert Reservation.from_json(first) == RESERVATION
    peer.host.line.send({"id": second["id"], "ok": False, "error": error})
    peer.host.line.send({"id": first["id"], "ok": True, "address": "127.0.64.3", "port": 5070})
    await until(lambda: bool(answers))
    assert answers == [Place("127.0.64.3", 5070)]
    assert type(resumed[0]) is kind


async def test_events_known_and_unknown(peer: Peer) -> None:
    await until(lambda: hasattr(peer.host, "line") and peer.host.line.open)
    peer.host.line.send({"event": "surprise"})
    peer.host.line.send({"event": "lost", "session": "s1"})
    await until(lambda: bool(peer.events))
    assert peer.events == [SessionLost("s1")]


async def test_release_and_digit_are_sent(peer: Peer) -> None:
    peer.client.digit("s1", "#")
    peer.client.release("s1")
    await until(lambda: len(peer.host.requests) == 2)
    assert [{**request, "id": 0} for request in peer.host.requests] == [
        {"id": 0, "do": "digit", "session": "s1", "digit": "#"},
        {"id": 0, "do": "release", "session": "s1"},
    ]


async def test_a_host_that_dies_answers_everything_with_gone(peer: Peer) -> None:
    answers: list[Place | MediaError] = []
    peer.client.reserve(RESERVATION, answers.append)
    await until(lambda: bool(peer.host.requests))
    peer.host.line.close()
    await until(lambda: peer.gone == 1)
    assert not peer.client.alive
    peer.client.reserve(RESERVATION, answers.append)
    await until(lambda: len(answers) == 2)
    assert [type(answer) for answer in answers] == [MediaGone, MediaGone]
