"""A session between a script and a worker: the times that no worker keeps for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from media.archive import Archive
from media.greetings import Greetings
from media.mailbox import Caller, Mailbox
from media.pool import Worker, WorkerPool
from media.protocol import Place, Reservation, Service
from media.scripts.script import Action, Answered, Arrival, Arrive, End, Event, Quiet, Wait, Why
from media.session import Session
from media.visit import House, Visit
from tests.media.people import People
from tests.media.support import within

USER = 7


@dataclass(frozen=True, slots=True)
class AskAndWait:
    """Asks something and waits for the caller at the same time; over when the caller has been silent."""

    heard: list[Event]

    def step(self, event: Event) -> tuple[AskAndWait, tuple[Action, ...]]:
        self.heard.append(event)
        match event:
            case Answered():
                return self, (Wait(0.1), Arrive())
            case Quiet():
                return self, (End(Why.SILENCE),)
            case _:
                return self, ()


class OneWorker:
    """A pool with one worker, which does what it is told without a word."""

    number = 1
    address, port = "127.0.0.1", 5060

    def reserve(self, session: str, listener: Any, done: Any) -> None:
        self.tell = listener
        done(self)

    def release(self, worker: Worker, session: str) -> None: ...

    def send(self, do: str, session: str, **fields: object) -> None: ...


@pytest.mark.behaviour("W5")
async def test_an_answer_that_changes_nothing_does_not_end_the_wait_for_the_caller(tmp_path: Path) -> None:
    mailbox, greetings = Mailbox(tmp_path), Greetings(tmp_path)
    archive = Archive(mailbox, greetings, tmp_path / "lock", 1.0, 0.5)
    house = House(mailbox, greetings, archive, People({USER: ""}), tmp_path, lambda *_: None, lambda _: None)
    script, pool, over = AskAndWait([]), OneWorker(), asyncio.Event()
    reservation = Reservation("s1", USER, Service.PORTAL, "a@test.example", Caller())
    session = Session(
        reservation,
        script,
        Visit(house, "s1", USER, None),
        cast(WorkerPool, pool),
        5.0,
        lambda _: None,
        lambda *_: over.set(),
    )
    places: list[Place | None] = []
    session.find_place(places.append)
    assert places == [Place(pool.address, pool.port)]
    pool.tell({"event": "answered"})
    await within(over.wait())
    assert [type(event) for event in script.heard] == [Answered, Arrival, Quiet]
    archive.close()
