"""A phone calls, nobody answers, and an e-mail comes, with the message if there is one: the whole service."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.provisioning.notifier.entries import SENDER
from tests.support import meter
from tests.support.mailhost import Mailhost
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.waiting import wait_for

COMPANY = """\
[[customers]]
name = "Notified Ltd"
numbers = ["+441632960881", "+441632960882", "+441632960883", "+441632960884"]

  [[customers.users]]
  name = "Alice"
  email = "alice@notified.example"
  extension = "201"
  numbers = ["+441632960881"]
  soft_clients = [{ username = "notified-alice", password = "a-password-of-the-tests" }]

  [[customers.users]]
  name = "Bob"
  email = "bob@notified.example"
  extension = "202"
  numbers = ["+441632960882"]
  notify = { missed_call = true }

  [[customers.users]]
  name = "Carol"
  email = "carol@notified.example"
  extension = "203"
  numbers = ["+441632960883"]
  notify = { missed_call = true, voicemail = true }

    [customers.users.not_answered]
    action = "voicemail"

  [[customers.users]]
  name = "Dora"
  email = "dora@notified.example"
  extension = "204"
  numbers = ["+441632960884"]

    [customers.users.not_answered]
    action = "voicemail"
"""
TONE = 440


@contextmanager
def mail_server() -> Iterator[Mailhost]:
    """A mail server beside the test, which waits for it."""
    loop, host = asyncio.new_event_loop(), Mailhost()
    thread = threading.Thread(target=loop.run_forever, name="mail server")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(host.__aenter__(), loop).result(10)
        yield host
        asyncio.run_coroutine_threadsafe(host.__aexit__(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def mail() -> Iterator[Mailhost]:
    with mail_server() as host:
        yield host


@pytest.fixture(scope="module")
def service(mail: Mailhost) -> Iterator[Service]:
    """A service that sends mail; Bob and Carol have no telephone that could answer, and Carol has voicemail."""
    with Service(
        {
            "RINGPLAN_SMTP__HOST": "127.0.0.1",
            "RINGPLAN_SMTP__PORT": str(mail.port),
            "RINGPLAN_SMTP__SECURITY": "none",
            "RINGPLAN_SMTP__SENDER": SENDER,
            "RINGPLAN_CALLS__KEEP_RINGING": "1",
        }
    ) as running:
        running.apply(COMPANY)
        yield running


@pytest.fixture
def alice(service: Service, tmp_path: Path) -> Iterator[Pjsua2Phone]:
    source = meter.write_wav(tmp_path / "alice.wav", meter.tone(TONE, seconds=30.0))
    account = ("notified-alice", "a-password-of-the-tests")
    with Pjsua2Phone(tmp_path / "alice", service.sip, *account, source) as phone:
        phone.register()
        yield phone


def missed(mail: Mailhost, alice: Pjsua2Phone, dialled: str) -> tuple[str, str]:
    """Subject and text of the mail about a call that nobody answers."""
    before = len(mail.mails)
    alice.dial(dialled)
    alice.wait("state", state="DISCONNECTED", code=480)
    wait_for(lambda: len(mail.mails) > before, 10, "the mail")
    (received,) = mail.mails[before:]
    assert received.recipients == ("bob@notified.example",)
    body = received.mail.get_body(("plain",))
    assert body is not None
    return received.mail["Subject"], body.get_content()


def leave_a_message(alice: Pjsua2Phone, dialled: str) -> None:
    """Skip the greeting, speak for some seconds, hang up."""
    alice.dial(dialled)
    alice.wait_talking()
    alice.wait_heard(0.5)
    alice.send_digits("#")
    alice.wait_heard(4.0)
    alice.hang_up()


@pytest.mark.behaviour("V5")
def test_a_missed_call_is_mailed(mail: Mailhost, alice: Pjsua2Phone) -> None:
    subject, text = missed(mail, alice, "202")
    assert subject == "Missed call from 201"
    assert "Name:      Alice" in text
    assert "Nobody answered" in text


@pytest.mark.behaviour("A3", "V5")
def test_of_a_caller_who_withholds_the_mail_says_only_that(
    mail: Mailhost, service: Service, alice: Pjsua2Phone
) -> None:
    subject, text = missed(mail, alice, "14101632960882")
    assert subject == "Missed call from withheld number"
    content = mail.mails[-1].content.decode()
    for secret in ("Alice", "alice", "960881", ": 201"):
        assert secret not in text
        assert secret not in content
    sent = service.events("notification.sent")[-1]
    assert "960881" not in str(sent)


def test_what_happens_while_provisioning_is_away_is_mailed_when_it_is_back(
    mail: Mailhost, service: Service, alice: Pjsua2Phone
) -> None:
    service.kill("provisioning")
    subject, _ = missed(mail, alice, "202")
    assert subject == "Missed call from 201"
    assert len({received.mail["Message-ID"] for received in mail.mails}) == len(mail.mails)


@pytest.mark.behaviour("V5")
def test_a_message_is_mailed_with_its_sound_and_is_no_missed_call(
    mail: Mailhost, service: Service, alice: Pjsua2Phone, tmp_path: Path
) -> None:
    before = len(mail.mails)
    leave_a_message(alice, "203")
    wait_for(lambda: len(mail.mails) > before, 15, "the mail")
    (message,) = service.messages("carol@notified.example")
    # Whatever there is to say of this call is queued before anything of the next one.
    wait_for(lambda: service.calls()[0]["outcome"] == "voicemail", 10, "the call in the call log")
    missed(mail, alice, "202")
    (received, _) = mail.mails[before:]
    assert received.recipients == ("carol@notified.example",)
    assert received.mail["Subject"].startswith("Voice message from 201 (0:0")
    (attachment,) = received.mail.iter_attachments()
    assert attachment.get_content() == Path(str(message["path"])).read_bytes()
    saved = tmp_path / "attachment.wav"
    saved.write_bytes(attachment.get_content())
    assert sum(span.seconds for span in meter.tone_spans(meter.read_wav(saved), TONE)) > 1.0


@pytest.mark.behaviour("V5")
def test_whose_switches_are_off_gets_no_mail(mail: Mailhost, service: Service, alice: Pjsua2Phone) -> None:
    """Neither of a message nor of a missed call: the next mail is about a later call to somebody else."""
    before = len(mail.mails)
    leave_a_message(alice, "204")
    wait_for(lambda: service.messages("dora@notified.example"), 10, "the message")
    alice.wait_ended()
    alice.dial("204")
    alice.wait_talking()
    alice.hang_up()
    alice.wait_ended()
    wait_for(lambda: len(alice_called(service, "204")) == 2, 10, "the calls in the call log")
    missed(mail, alice, "202")
    assert len(mail.mails) == before + 1


def alice_called(service: Service, dialled: str) -> list[object]:
    return [call for call in service.calls() if call["dialled"] == dialled]
