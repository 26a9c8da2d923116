"""What is measured, Ringplan or a peer; and Ringplan as it is, all its processes, as `ringplan run` starts them."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, Self

from media.mailbox import Mailbox
from tests.bench import company
from tests.bench.accounting import wait_until_calm
from tests.bench.pinning import measured_core
from tests.bench.sipp import Load, place
from tests.support.addresses import fresh_address
from tests.support.service import Service
from tests.support.waiting import wait_for

Address = tuple[str, int]

SETTINGS = {
    "RINGPLAN_MEDIA__PORTS": "10000-29999",
    "RINGPLAN_MEDIA__SESSIONS": "2000",
    "RINGPLAN_VOICEMAIL__MAX_MESSAGES": "1000000",
    "RINGPLAN_VOICEMAIL__SILENCE_SECONDS": "10",
    "RINGPLAN_VOICEMAIL__MIN_SECONDS": "2",
}
ROLES = {
    "signalling": re.compile(r" -m b2bua$"),
    "relay": re.compile(r" -m media\.relay$"),
    "media": re.compile(r" -m media$"),
}
"""The processes by their command lines; the workers are children of the media host."""
REGISTERED_AT = 50.0
"""Registrations a second before a measurement."""


class Subject(Protocol):
    """Something that carries calls from the address `carrier` to the phones, all at the address `phones`."""

    name: str
    sip: Address
    carrier: Address
    phones: Address

    @property
    def roles(self) -> Mapping[str, tuple[int, ...]]:
        """Its processes by what they do; `signalling` is always there."""
        ...

    def written(self) -> None:
        """Wait until nothing is left to do for the calls that were made, but for timers that have to run out."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None:
        """End it."""
        ...


Start = Callable[[Path], Subject]
"""Starts a fresh one that keeps its files in a folder."""


class Ringplan:
    """A fresh service with the company of the benchmarks, its called users registered.

    `owners` are so many of them who can open the voice portal.
    """

    name = "ringplan"

    def __init__(self, folder: Path, owners: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.carrier, self.device, self.phones = ((fresh_address(), 5060) for _ in range(3))
        with measured_core():
            self.service = Service(SETTINGS)
        self.sip = self.service.sip
        try:
            self.service.apply(company.company_file(self.carrier[0], owners))
            self._register(folder)
        except BaseException:
            self.service.stop()
            raise

    @property
    def roles(self) -> Mapping[str, tuple[int, ...]]:
        """Signalling, relay, and the media host with its workers."""
        running = self.service.processes()
        return {
            role: tuple(pid for pid, command in running.items() if line.search(command))
            for role, line in ROLES.items()
        }

    def written(self) -> None:
        """Wait until no call is left and every call is on disk.

        Its own figures cost it a few milliseconds, so they are asked for when it looks idle.
        """

        def over() -> bool:
            wait_until_calm((*self.roles["signalling"], *self.roles["relay"]))
            return not (self.gauge("ringplan_calls") or self.gauge("ringplan_write_backlog"))

        wait_for(over, 60, "calls to end and to be written")

    def gauge(self, name: str) -> float:
        """One of the service's own figures."""
        url = f"http://{self.sip[0]}:9160/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))

    def messages(self) -> list[dict[str, Any]]:
        """All voice messages."""
        found: list[dict[str, Any]] = json.loads(self.service.run_cli("voicemail", "list", "--json"))[
            "messages"
        ]
        return found

    def mailboxes(self) -> Mailbox:
        """The mailboxes on disk."""
        return Mailbox(self.service.data / "mailbox")

    def users(self) -> dict[str, int]:
        """Every user's id, by e-mail."""
        (database,) = self.service.data.glob("*.db")
        with closing(sqlite3.connect(database)) as connection:
            return dict(connection.execute("SELECT email, id FROM users"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()

    def _register(self, folder: Path) -> None:
        users = company.registrations(folder, "called", company.CALLED)
        load = Load("register", users, REGISTERED_AT, company.CALLED / REGISTERED_AT)
        with place(load, folder / "registering", self.phones, self.sip) as registering:
            registering.wait(60)
        found = len(self.service.registrations())
        if found != company.CALLED:
            raise RuntimeError(f"{found} of {company.CALLED} users are registered")
