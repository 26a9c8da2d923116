"""`python -m provisioning` as a process: ready, sending, killed in the middle, stopped, refused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from provisioning.notifier.mail import message_id
from provisioning.store.outbox import Channel
from provisioning.store.store import Store, outbox
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied
from tests.provisioning.notifier.entries import CALL, SENDER
from tests.support.mailhost import Mailhost

LIMIT = 30.0


class Running:
    """A running process, and the events that it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, object]] = []

    async def wait_for(self, name: str) -> dict[str, object]:
        """Read until it says this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT):
            while line := await self.process.stdout.readline():
                event = json.loads(line)
                self.events.append(event)
                if event["event"] == name:
                    return dict(event)
        raise AssertionError(f"it ended without saying {name}: {self.events}")

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(LIMIT):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def started(data: Path, mail: Mailhost, **more: str) -> AsyncIterator[Running]:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("RINGPLAN_")}
    own = {
        "RINGPLAN_DATA_DIR": str(data),
        "RINGPLAN_LOG__FORMAT": "json",
        "RINGPLAN_SMTP__HOST": "127.0.0.1",
        "RINGPLAN_SMTP__PORT": str(mail.port),
        "RINGPLAN_SMTP__SECURITY": "none",
        "RINGPLAN_SMTP__SENDER": SENDER,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "provisioning"),
        env=foreign | own | more,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def queue_a_call(store: Store) -> str:
    await applied(store, customer(user("alice", "notify = { missed_call = true }")))
    async with store.writing() as session:
        await outbox.put(session, [CALL], [Channel.MAIL], datetime.now(UTC))
    return f"{CALL.key}:{Channel.MAIL}"


async def test_it_sends_what_waits_and_ends_as_it_is_told(store: Store, tmp_path: Path) -> None:
    await queue_a_call(store)
    async with Mailhost() as mail, started(tmp_path / "data", mail) as running:
        await running.wait_for("process.ready")
        sent = await running.wait_for("notification.sent")
        assert (sent["process"], sent["user"], sent["channel"]) == ("provisioning", 1, "mail")
        assert len(mail.mails) == 1
        assert await running.end(signal.SIGTERM) == 0


async def test_killed_in_the_middle_of_a_mail_it_loses_nothing(store: Store, tmp_path: Path) -> None:
    key = await queue_a_call(store)
    async with Mailhost() as mail:
        mail.holds = asyncio.Event()
        async with started(tmp_path / "data", mail) as running:
            async with asyncio.timeout(LIMIT):
                await mail.offered.wait()
            assert await running.end(signal.SIGKILL) == -signal.SIGKILL
        mail.holds.set()
        async with started(tmp_path / "data", mail) as again:
            await again.wait_for("notification.sent")
        assert {received.mail["Message-ID"] for received in mail.mails} == {message_id(key, SENDER)}


async def test_told_to_stop_in_the_middle_of_a_mail_it_finishes_that(store: Store, tmp_path: Path) -> None:
    await queue_a_call(store)
    async with Mailhost() as mail:
        mail.holds = asyncio.Event()
        async with started(tmp_path / "data", mail) as running:
            async with asyncio.timeout(LIMIT):
                await mail.offered.wait()
            running.process.send_signal(signal.SIGTERM)
            mail.holds.set()
            await running.wait_for("notification.sent")
            assert await running.process.wait() == 0
        assert len(mail.mails) == 1


async def test_a_damaged_database_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("")
    (tmp_path / "ringplan.db").write_text("this is no database")
    async with Mailhost() as mail, started(tmp_path, mail) as running:
        await running.wait_for("process.refused")
        assert await running.process.wait() == 1


async def test_wrong_settings_are_refused_without_showing_the_password(tmp_path: Path) -> None:
    async with (
        Mailhost() as mail,
        started(tmp_path, mail, RINGPLAN_SMTP__PASSWORD="open sesame") as running,
    ):
        said, _ = await running.process.communicate()
        assert running.process.returncode == 2
        assert b"username and password must be set together" in said
        assert b"sesame" not in said
