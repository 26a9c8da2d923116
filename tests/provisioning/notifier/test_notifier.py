"""The notifier with real mail and web servers: from the queue to the recipient, through failures and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from config.settings import Settings
from config.tables import SmtpSettings, WebhookSettings
from provisioning.notifier import schedule
from provisioning.notifier.channels import channels
from provisioning.notifier.mail import fingerprint, message_id
from provisioning.notifier.notifier import Notifier
from provisioning.notifier.queue import REMEMBERED
from provisioning.notifier.tellers import tellers
from provisioning.store.outbox import Channel
from tests.provisioning.notifier.conftest import Clock, Queue
from tests.provisioning.notifier.entries import CALL, MESSAGE, SENDER, SOUND, record
from tests.support.mailhost import Mailhost
from tests.support.webhost import Webhost

SOON = 0.02
"""Seconds between two looks into the queue."""


def settings(
    mail: Mailhost | None = None, web: Webhost | None = None, data_dir: Path = Path("data")
) -> Settings:
    smtp, webhook = SmtpSettings(), WebhookSettings()
    if mail is not None:
        smtp = SmtpSettings(host="127.0.0.1", port=mail.port, security="none", sender=SENDER)
    if web is not None:
        url = f"http://127.0.0.1:{web.port}/"
        webhook = WebhookSettings(url=url, secret=SecretStr("0123456789abcdef"), allow_private=True)
    return Settings(data_dir=data_dir, smtp=smtp, webhook=webhook)


@asynccontextmanager
async def running(queue: Queue, clock: Clock, chosen: Settings) -> AsyncIterator[Notifier]:
    notifier = Notifier(queue.store, tellers(chosen), clock, SOON)
    work = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        notifier.stop()
        async with asyncio.timeout(30):
            await work


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(SOON)


def ended(queue: Queue) -> Callable[[], Awaitable[bool]]:
    async def all_ended() -> bool:
        return all(row.ended_at is not None for row in await queue.rows())

    return all_ended


@pytest.mark.behaviour("V5")
async def test_a_message_is_mailed_with_its_recording_and_posted(
    queue: Queue, clock: Clock, tmp_path: Path
) -> None:
    record(tmp_path)
    async with Mailhost() as mail, Webhost() as web, running(queue, clock, settings(mail, web, tmp_path)):
        await queue.put(MESSAGE)
        await queue.put(MESSAGE, channel=Channel.WEBHOOK)
        await until(ended(queue))
        (received,), (request,) = mail.mails, web.requests
    first, second = await queue.rows()
    assert received.recipients == ("alice@acme.example",)
    assert received.mail["Message-ID"] == message_id(first.key, SENDER)
    (attachment,) = received.mail.iter_attachments()
    assert attachment.get_content() == SOUND.wav
    assert request.headers["ringplan-id"] == fingerprint(second.key)


async def test_a_dead_mail_server_delays_no_webhook_and_loses_no_mail(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "FIRST_REST", SOON)
    async with Mailhost() as mail:
        chosen_port = mail.port
    async with Webhost() as web, running(queue, clock, settings(mail, web)):
        await queue.put(CALL, MESSAGE)
        await queue.put(CALL, channel=Channel.WEBHOOK)

        async def tried() -> bool:
            mails = [row for row in await queue.rows() if row.channel == "mail"]
            return len(web.requests) == 1 and all(row.attempts >= 1 for row in mails)

        await until(tried)
        assert [row.ended_at is None for row in await queue.rows()] == [True, True, False]
        async with Mailhost(port=chosen_port) as back:
            clock.advance(3600)
            await until(ended(queue))
            assert len(back.mails) == 2


async def test_greylisted_mail_goes_at_the_second_try(queue: Queue, clock: Clock) -> None:
    async with Mailhost() as mail:
        mail.says["RCPT"].append("450 4.2.0 Greylisted")
        async with running(queue, clock, settings(mail)):
            await queue.put(CALL)

            async def tried() -> bool:
                return (await queue.row()).attempts == 1

            await until(tried)
            assert mail.mails == []
            clock.advance(61)
            await until(ended(queue))
            assert len(mail.mails) == 1


async def test_many_mails_share_connections(queue: Queue, clock: Clock) -> None:
    await queue.put(*(replace(CALL, call_id=f"{number}@phone.example") for number in range(120)))
    async with Mailhost() as mail, running(queue, clock, settings(mail)):
        await until(ended(queue))
        assert len({received.mail["Message-ID"] for received in mail.mails}) == len(mail.mails) == 120
        assert mail.connections == 3


async def test_the_stop_waits_for_the_mail_that_is_under_way(queue: Queue, clock: Clock) -> None:
    await queue.put(CALL, MESSAGE)
    async with Mailhost() as mail:
        mail.holds = asyncio.Event()
        async with running(queue, clock, settings(mail)) as notifier:
            await mail.offered.wait()
            notifier.stop()
            mail.holds.set()
        assert len(mail.mails) == 1
        assert [row.ended_at is not None for row in await queue.rows()] == [True, False]


async def test_who_is_interrupted_sends_again_with_the_same_message_id(queue: Queue, clock: Clock) -> None:
    """As a kill between the server's taking and our writing: nothing is lost, and a copy is known as one."""
    await queue.put(CALL)
    async with Mailhost() as mail:
        mail.holds = asyncio.Event()
        work = asyncio.create_task(Notifier(queue.store, tellers(settings(mail)), clock, SOON).run())
        await mail.offered.wait()
        work.cancel()
        await asyncio.wait({work})
        mail.holds.set()
        async with running(queue, clock, settings(mail)):
            await until(ended(queue))
        assert len({received.mail["Message-ID"] for received in mail.mails}) == 1
        assert len(mail.mails) in (1, 2)


async def test_what_is_off_is_said_once_and_does_not_pile_up(queue: Queue, clock: Clock) -> None:
    with capture_logs() as logs:
        async with running(queue, clock, settings()):
            await queue.put(CALL, MESSAGE)
            await until(ended(queue))
    assert [(log["event"], log["channel"]) for log in logs] == [
        ("notification.off", "mail"),
        ("notification.off", "webhook"),
    ]


async def test_old_rows_are_forgotten(queue: Queue, clock: Clock) -> None:
    await queue.put(CALL)
    async with running(queue, clock, settings()):
        await until(ended(queue))
    clock.now += REMEMBERED + timedelta(seconds=1)
    async with running(queue, clock, settings()):

        async def gone() -> bool:
            return await queue.rows() == []

        await until(gone)


async def test_a_database_that_fails_is_told_and_tried_again(
    queue: Queue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(str(queue.store._engine.url.database))
    aside = path.with_name("aside.db")
    monkeypatch.setattr("provisioning.notifier.notifier.FIRST_PAUSE", SOON)
    await queue.put(CALL)
    await queue.store._engine.dispose()
    for part in path.parent.glob(f"{path.name}-*"):
        part.unlink()
    path.rename(aside)
    path.mkdir()
    with capture_logs() as logs:
        async with Mailhost() as mail, running(queue, clock, settings(mail)):

            async def said() -> bool:
                return [log["event"] for log in logs].count("notification.queue_failed") >= 3

            await until(said)
            path.rmdir()
            aside.rename(path)
            await until(ended(queue))
            assert len(mail.mails) == 1


def test_channels_are_those_that_are_set_up() -> None:
    mail, web = Mailhost(port=25), Webhost(port=80)
    assert channels(settings()) == ()
    assert channels(settings(mail)) == (Channel.MAIL,)
    assert channels(settings(mail, web)) == (Channel.MAIL, Channel.WEBHOOK)
    assert tuple(tellers(settings(None, web))) == (Channel.WEBHOOK,)
