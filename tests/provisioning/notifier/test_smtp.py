"""Handing mails to a real server: by each kind of connection, and through everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from config.tables import SmtpSettings
from media import wav
from provisioning.notifier.mail import compose
from provisioning.notifier.outcome import Postponed, Refused, Taken
from provisioning.notifier.smtp import MailServer
from tests.provisioning.notifier.entries import ALICE, CALL, MESSAGE, NONE, SAMPLES, SENDER, SOUND, entry
from tests.support.certificates import Certificate, make_certificate
from tests.support.mailhost import Mailhost

LOGIN = ("voicemail", "open sesame")
MAIL = compose(entry(CALL), ALICE, NONE, SENDER)
Security = Literal["none", "starttls", "tls"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "127.0.0.1", "localhost")


def settings(
    host: Mailhost,
    security: Security = "none",
    login: tuple[str, str] | None = None,
    authority: Path | None = None,
    timeout: float = 10.0,
) -> SmtpSettings:
    return SmtpSettings(
        host="127.0.0.1",
        port=host.port,
        security=security,
        username=login[0] if login else "",
        password=SecretStr(login[1] if login else ""),
        sender=SENDER,
        ca_file=authority,
        timeout=timeout,
    )


@pytest.mark.behaviour("V5")
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_a_mail_with_its_recording_arrives(
    security: Security, certificate: Certificate, tmp_path: Path
) -> None:
    login = None if security == "none" else LOGIN
    async with Mailhost(certificate, security, login) as host:
        server = MailServer(settings(host, security, login, certificate.authority))
        assert await server.send(compose(entry(MESSAGE), ALICE, SOUND, SENDER)) == Taken()
        await server.rest()
        (received,) = host.mails
    assert (received.sender, received.recipients) == ("voicemail@ringplan.example", (ALICE.email,))
    assert received.mail["Subject"] == "Voice message from 01632 960998 (0:12)"
    (attachment,) = received.mail.iter_attachments()
    saved = tmp_path / "attachment.wav"
    saved.write_bytes(attachment.get_content())
    assert wav.is_complete(saved)
    assert wav.read_samples(saved) == SAMPLES


async def test_several_mails_go_by_one_connection() -> None:
    async with Mailhost() as host:
        server = MailServer(settings(host))
        for _ in range(3):
            assert await server.send(MAIL) == Taken()
        await server.rest()
        assert (len(host.mails), host.connections) == (3, 1)
        assert await server.send(MAIL) == Taken(), "after a rest it connects again"
        await server.rest()
        assert host.connections == 2
        await server.rest()


async def test_a_wrong_password_is_told_without_it(certificate: Certificate) -> None:
    async with Mailhost(certificate, "tls", LOGIN) as host:
        wrong = ("voicemail", "open barley")
        outcome = await MailServer(settings(host, "tls", wrong, certificate.authority)).send(MAIL)
        assert isinstance(outcome, Postponed)
        assert outcome.for_all
        assert "refused the login (535 " in outcome.reason
        assert "smtp.password" in outcome.reason
        assert "barley" not in outcome.reason
        assert host.mails == []


async def test_a_login_that_is_needed_and_not_set_is_no_recipients_fault(certificate: Certificate) -> None:
    async with Mailhost(certificate, "tls", LOGIN) as host:
        outcome = await MailServer(settings(host, "tls", None, certificate.authority)).send(MAIL)
        assert isinstance(outcome, Postponed)
        assert outcome.for_all
        assert "530" in outcome.reason


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_nobody_known_is_not_trusted(
    security: Security, certificate: Certificate
) -> None:
    async with Mailhost(certificate, security) as host:
        outcome = await MailServer(settings(host, security)).send(MAIL)
        assert isinstance(outcome, Postponed)
        assert outcome.for_all
        assert "cannot be trusted" in outcome.reason
        assert "smtp.ca_file" in outcome.reason
        assert host.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_name_is_not_trusted(security: Security, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other.example")
    async with Mailhost(other, security) as host:
        outcome = await MailServer(settings(host, security, None, other.authority)).send(MAIL)
        assert isinstance(outcome, Postponed)
        assert "cannot be trusted" in outcome.reason
        assert host.mails == []


async def test_where_starttls_is_not_offered_nothing_is_sent() -> None:
    async with Mailhost() as host:
        outcome = await MailServer(settings(host, "starttls")).send(MAIL)
        assert isinstance(outcome, Postponed)
        assert outcome.for_all
        assert "STARTTLS" in outcome.reason
        assert host.mails == []


async def test_a_ca_file_that_is_missing_is_told_and_may_come_later(
    certificate: Certificate, tmp_path: Path
) -> None:
    async with Mailhost(certificate, "tls") as host:
        authority = tmp_path / "authority.pem"
        server = MailServer(settings(host, "tls", None, authority))
        outcome = await server.send(MAIL)
        assert isinstance(outcome, Postponed)
        assert "No such file" in outcome.reason
        authority.write_bytes(certificate.authority.read_bytes())
        assert await server.send(MAIL) == Taken()
        await server.rest()


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("RCPT", "550 5.1.1 No such user", Refused),
        ("RCPT", "553 bad address", Refused),
        ("RCPT", "450 4.2.0 Greylisted", Postponed),
        ("RCPT", "530 5.7.0 Authentication required", Postponed),
        ("DATA", "554 5.6.0 We take no such content", Refused),
        ("DATA", "451 4.3.0 Try later", Postponed),
        ("MAIL", "552 5.3.4 Message too large", Refused),
        ("MAIL", "550 5.7.1 You are not this sender", Postponed),
        ("MAIL", "451 4.3.0 Try later", Postponed),
    ],
)
async def test_what_an_answer_means_and_the_next_mail_goes_all_the_same(
    command: str, answer: str, outcome: type[Refused] | type[Postponed]
) -> None:
    async with Mailhost() as host:
        host.says[command].append(answer)
        server = MailServer(settings(host))
        result = await server.send(MAIL)
        assert isinstance(result, outcome)
        assert answer in result.reason
        if isinstance(result, Postponed):
            assert result.for_all == (command == "MAIL" or answer.startswith("530"))
        assert await server.send(MAIL) == Taken()
        await server.rest()
        assert len(host.mails) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_shuts_down_is_left_alone(command: str) -> None:
    async with Mailhost() as host:
        host.says[command].append("421 4.3.2 Shutting down")
        server = MailServer(settings(host))
        result = await server.send(MAIL)
        assert isinstance(result, Postponed)
        assert result.for_all
        assert await server.send(MAIL) == Taken()
        await server.rest()


async def test_a_connection_cut_in_the_middle_of_a_mail() -> None:
    async with Mailhost() as host:
        host.cuts = 1
        server = MailServer(settings(host))
        result = await server.send(compose(entry(MESSAGE), ALICE, SOUND, SENDER))
        assert isinstance(result, Postponed)
        assert "was lost" in result.reason
        assert await server.send(MAIL) == Taken()
        await server.rest()
        assert (len(host.mails), host.connections) == (1, 2)


async def test_a_dead_server_that_comes_back() -> None:
    async with Mailhost() as host:
        server = MailServer(settings(host))
    result = await server.send(MAIL)
    assert isinstance(result, Postponed)
    assert result.for_all
    assert f"127.0.0.1:{host.port}" in result.reason
    async with Mailhost(port=host.port) as back:
        assert await server.send(MAIL) == Taken()
        await server.rest()
        assert len(back.mails) == 1


async def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute_host = Mailhost(port=mute.getsockname()[1])
        async with asyncio.timeout(30):
            result = await MailServer(settings(mute_host, timeout=0.2)).send(MAIL)
    assert isinstance(result, Postponed)
    assert result.for_all


async def test_a_server_that_takes_a_mail_and_says_nothing() -> None:
    async with Mailhost() as host:
        host.holds = asyncio.Event()
        server = MailServer(settings(host, timeout=0.5))
        async with asyncio.timeout(30):
            result = await server.send(MAIL)
        assert isinstance(result, Postponed)
        host.holds.set()
        host.holds = None
        assert await server.send(MAIL) == Taken()
        await server.rest()


async def test_who_is_interrupted_begins_with_a_new_connection() -> None:
    async with Mailhost() as host:
        host.holds = asyncio.Event()
        server = MailServer(settings(host))
        sending = asyncio.create_task(server.send(MAIL))
        await host.offered.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        host.holds.set()
        assert await server.send(MAIL) == Taken()
        await server.rest()
        assert host.connections == 2


async def test_an_answer_of_many_lines_or_none_of_our_bytes_is_one_short_line() -> None:
    async with Mailhost() as host:
        host.says["RCPT"].append("550-" + "x" * 300 + "\r\n550 \x1b[31m\u202eno")
        result = await MailServer(settings(host)).send(MAIL)
        assert isinstance(result, Refused)
        assert result.reason.isprintable()
        assert len(result.reason) < 300
