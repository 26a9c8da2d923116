"""`ringplan voicemail`: the mailboxes as they are on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from b2bua.cli.schema import VoiceMessages
from media import wav
from media.mailbox import Mailbox
from media.message import Caller, Envelope
from tests.cli.conftest import Run

SOUND = b"\x00\x20\x00\xe0" * 16000


def left(data: Path, user: int, session: str, caller: Caller, cut: bool = False) -> str:
    mailbox = Mailbox(data / "mailbox")
    received = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    recording = mailbox.begin(user, Envelope(caller, received, "call-1", "no-answer"), session)
    wav.write(recording.next_part(), SOUND)
    if cut:
        recording.mark_incomplete()
    message = mailbox.deposit(recording)
    assert message is not None
    return message.id


def test_messages_are_listed(ringplan: Run, company: Path) -> None:
    ben = left(company, 2, "s1", Caller("+441632960299", "Cay"))
    ann = left(company, 1, "s2", Caller(withheld=True))
    said = ringplan("voicemail", "list", "--json").json
    first, second = VoiceMessages.model_validate(said).messages
    assert (first.user, first.message, first.number, first.withheld) == ("ann@acme.example", ann, None, True)
    assert (second.user, second.message, second.number, second.seconds) == (
        "ben@acme.example",
        ben,
        "+441632960299",
        4.0,
    )
    assert Path(second.path).exists()
    assert "withheld" in ringplan("voicemail", "list").out
    only = ringplan("voicemail", "list", "--user", "Ben@acme.example", "--json").json["messages"]
    assert [one["message"] for one in only] == [ben]


def test_a_deleted_users_mailbox_is_listed_by_its_number(ringplan: Run, company: Path) -> None:
    left(company, 77, "s1", Caller())
    (one,) = ringplan("voicemail", "list", "--json").json["messages"]
    assert (one["user"], one["mailbox"]) == (None, 77)
    assert "(deleted, 77)" in ringplan("voicemail", "list").out


@pytest.mark.behaviour("V2")
def test_a_message_that_a_full_disk_cut_off_is_shown_so(ringplan: Run, company: Path) -> None:
    left(company, 1, "s1", Caller(), cut=True)
    left(company, 2, "s2", Caller())
    found = ringplan("voicemail", "list", "--json").json["messages"]
    assert [one["incomplete"] for one in found] == [True, False]
    assert ringplan("voicemail", "list").out.count("4.0 s (cut off: disk full)") == 1


def test_messages_are_exported_and_nothing_is_overwritten(
    ringplan: Run, company: Path, tmp_path: Path
) -> None:
    ben = left(company, 2, "s1", Caller())
    left(company, 1, "s2", Caller())
    ran = ringplan("voicemail", "export", str(tmp_path / "out"), "--message", ben)
    target = tmp_path / "out" / f"ben@acme.example-{ben}.wav"
    assert ran.out == f"{target}\n"
    assert wav.seconds(target) == 4.0
    again = ringplan("voicemail", "export", str(tmp_path / "out"))
    assert again.code == 1
    assert "is already there" in again.err


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "out"), "There are no messages."),
        (("export", "out", "--message", "x"), "There is no such message."),
        (("list", "--user", "x@acme.example"), "There is no user x@acme.example."),
    ],
)
def test_nothing_to_show_is_an_error(ringplan: Run, arguments: tuple[str, ...], says: str) -> None:
    ran = ringplan("voicemail", *arguments)
    assert (ran.code, ran.err) == (1, f"ringplan: {says}\n")


@pytest.mark.usefixtures("company")
def test_an_empty_list_is_said_so(ringplan: Run) -> None:
    assert ringplan("voicemail", "list").out == "No messages.\n"
