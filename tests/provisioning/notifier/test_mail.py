"""A mail as it is composed: its headers, both texts, the attachment, and nothing that a caller could slip in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2bua.callplan.missed import Missed
from media.message import Caller
from provisioning.notifier import mail as mail_module
from provisioning.notifier.mail import compose, message_id
from provisioning.notifier.recording import Recording
from provisioning.notifier.wording import clean
from provisioning.store.outbox import News
from tests.provisioning.notifier.entries import (
    ALICE,
    CALL,
    CALLER,
    MESSAGE,
    NONE,
    SENDER,
    SOUND,
    called_by,
    entry,
)
from tests.support.examples import examples

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]


def arrives(mail: EmailMessage) -> EmailMessage:
    """The mail as its reader's program sees it, after it was put into bytes."""
    content = mail.as_bytes(policy=policy.SMTP.clone(cte_type="7bit"))
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998, "RFC 5322 §2.1.1"
    parsed = message_from_bytes(content, policy=policy.default)
    assert list(_defects(parsed)) == []
    return parsed


def _defects(message: EmailMessage) -> Iterator[object]:
    for part in message.walk():
        yield from part.defects
        for value in part.values():
            yield from value.defects


def told(news: News, recording: Recording = NONE) -> EmailMessage:
    return arrives(compose(entry(news), ALICE, recording, SENDER))


def text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


class Page(HTMLParser):
    """The tags of a page, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", ()))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", ()))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.mark.behaviour("V5")
def test_a_voice_message() -> None:
    mail = told(MESSAGE, SOUND)
    assert mail.keys() == HEADERS
    assert (mail["From"], mail["To"]) == (SENDER, "alice@acme.example")
    assert mail["Subject"] == "Voice message from 01632 960998 (0:12)"
    assert mail["Date"].datetime == entry().created_at
    assert mail["Auto-Submitted"] == "auto-generated"
    assert text(mail) == (
        "Alice has a new voice message.\n\n"
        "From:      01632 960998\n"
        "Name:      Ms Outside\n"
        "Received:  Saturday 1 June 2030, 14:00\n"
        "Length:    0:12\n\n"
        "The recording is attached: voicemail-2030-06-01-140000.wav\n"
    )
    page = Page(text(mail, "html"))
    for shown in ("01632 960998", "Ms Outside", "Saturday 1 June 2030, 14:00", "0:12"):
        assert shown in page.texts
    assert "The recording is attached." in page.texts
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "audio/wav"
    assert attachment.get_filename() == "voicemail-2030-06-01-140000.wav"
    assert attachment.get_content() == SOUND.wav


@pytest.mark.behaviour("V5")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Missed.ENGAGED, "The line was engaged, and no message was left."),
        (Missed.NOT_ANSWERED, "Nobody answered, and no message was left."),
        (Missed.HUNG_UP, "The caller hung up first, and no message was left."),
    ],
)
def test_a_missed_call(how: Missed, words: str) -> None:
    mail = told(replace(CALL, how=how))
    assert mail["Subject"] == "Missed call from 01632 960998"
    assert text(mail) == (
        "Alice has missed a call.\n\n"
        "From:      01632 960998\n"
        "Name:      Ms Outside\n"
        "Time:      Saturday 1 June 2030, 14:00\n"
        "Dialled:   01632 960101\n\n"
        f"{words}\n"
    )
    assert words in Page(text(mail, "html")).texts
    assert list(mail.iter_attachments()) == []


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (
            Recording(None, too_large=True),
            "The recording is too large to be sent by e-mail. It is in your voicemail.",
        ),
        (NONE, "The recording is not attached: it is no longer in your voicemail."),
    ],
)
def test_why_there_is_no_recording(recording: Recording, words: str) -> None:
    mail = told(MESSAGE, recording)
    assert words in text(mail)
    assert words in Page(text(mail, "html")).texts
    assert list(mail.iter_attachments()) == []


@pytest.mark.behaviour("A3")
@pytest.mark.parametrize("news", [MESSAGE, CALL])
def test_a_withheld_number_is_called_so(news: News) -> None:
    mail = told(called_by(news, Caller(withheld=True)))
    assert "withheld number" in mail["Subject"]
    assert "From:      withheld number\n" in text(mail)
    assert "withheld number" in Page(text(mail, "html")).texts
    assert "Name:" not in text(mail)


@pytest.mark.parametrize("news", [MESSAGE, CALL])
def test_a_caller_without_a_number_is_unknown(news: News) -> None:
    mail = told(called_by(news, Caller("sip:someone", None)))
    assert "unknown number" in mail["Subject"]
    assert "From:      unknown number\n" in text(mail)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs() -> None:
    for news in (MESSAGE, CALL):
        tags = Page(text(told(news), "html")).tags
        assert not {tag for tag, _ in tags} & {"img", "script", "link", "style", "iframe", "a"}
        assert not {name for _, attributes in tags for name, _ in attributes} & {"src", "href", "background"}


def test_the_same_entry_has_the_same_message_id_and_another_has_another() -> None:
    first, again = told(MESSAGE), told(MESSAGE)
    assert first["Message-ID"] == again["Message-ID"] == message_id(entry().key, SENDER)
    assert first["Message-ID"].endswith("@ringplan.example>")
    assert told(CALL)["Message-ID"] != first["Message-ID"]


def test_a_language_without_templates_is_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(CALL)["Subject"] == arrives(compose(entry(CALL), ALICE, NONE, SENDER, "fr"))["Subject"]


def test_a_language_is_a_folder_and_what_it_lacks_is_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "en").symlink_to(mail_module.TEMPLATES / "en")
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "missed-call.txt").write_text("Xx {{ user }}\n\nyy\n")
    monkeypatch.setattr(mail_module, "TEMPLATES", tmp_path)
    mail_module._environment.cache_clear()
    try:
        mail = arrives(compose(entry(CALL), ALICE, NONE, SENDER, "xx"))
        assert (mail["Subject"], text(mail)) == ("Xx Alice", "yy\n")
        assert "Nobody" in text(mail, "html") or "engaged" in text(mail, "html")
    finally:
        mail_module._environment.cache_clear()


@pytest.mark.parametrize(
    "address", ["", "alice", "a@b@c", "a\r\nBcc: b@c.example", "alice@acme.example, x@y.example"]
)
def test_an_address_that_cannot_stand_in_a_header_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        compose(entry(), replace(ALICE, email=address), NONE, SENDER)


NASTY = st.sampled_from(
    [
        "\r\nBcc: everyone@acme.example",
        "\n\n<html>",
        "=?utf-8?q?=0D=0ABcc:_x@y.example?=",
        "=?utf-8?b?DQpCY2M6IHhAeS5leGFtcGxl?=",
        "</td><script>alert(1)</script>",
        '" onload="alert(1)',
        "{{ 7 * 7 }}{% for x in y %}",
        "\u202e\u2066\u2069\u200b\ufeff",
        "<!--",
        "&lt;b&gt;",
        "\x00\x1b[2J\x07\x7f",
        "\udc80\udfff",
        "\x85\u2028\u2029",
        "--===============",
        ".\r\n.",
    ]
)
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.lists(NASTY | st.text(max_size=10), max_size=8).map("".join),
    NASTY.map(lambda part: (part * 10_000)[:10_000]),
)
NO_NUMBERS = NAMES.filter(lambda text: not re.fullmatch(r"\+?[0-9*#]+", text))


@pytest.mark.behaviour("V5")
@settings(max_examples=examples(60))
@given(name=NAMES, number=st.none() | NO_NUMBERS, call_id=NAMES, dialled=NO_NUMBERS, user=NAMES)
def test_whatever_a_caller_says_stays_in_its_place(
    name: str, number: str | None, call_id: str, dialled: str, user: str
) -> None:
    usual = told(replace(CALL, caller=Caller("202", "Bob")))
    news = replace(CALL, caller=Caller(number, name), call_id=call_id, dialled=dialled)
    mail = arrives(compose(entry(news), replace(ALICE, name=user), NONE, SENDER))
    assert mail.keys() == HEADERS
    assert mail["Subject"] == "Missed call from unknown number"
    (address,) = mail["To"].addresses
    assert (address.display_name, address.addr_spec) == ("", ALICE.email)
    assert [part.get_content_type() for part in mail.walk()] == [
        part.get_content_type() for part in usual.walk()
    ]
    page, usual_page = Page(text(mail, "html")), Page(text(usual, "html"))
    shown = clean(name)
    has_name = bool(shown) and shown != number
    # Every tag is the template's: a row for the name and one for what was dialled, or not.
    row = usual_page.tags[usual_page.tags.index(("tr", ())) : usual_page.tags.index(("/tr", ())) + 1]
    rows = page.tags.count(("tr", ()))
    assert rows == 1 + has_name
    start = usual_page.tags.index(("tr", ()))
    assert page.tags == usual_page.tags[:start] + row * rows + usual_page.tags[start + 3 * len(row) :]
    if has_name:
        assert shown in page.texts
        assert f"\nName:      {shown}\n" in text(mail)


@given(NAMES)
def test_the_callers_name_is_in_no_header(name: str) -> None:
    marked = f"zzmark{name}"
    mail = told(called_by(MESSAGE, Caller(CALLER.number, marked)))
    assert not any("zzmark" in value for value in mail.values())
    assert mail["Subject"] == "Voice message from 01632 960998 (0:12)"
