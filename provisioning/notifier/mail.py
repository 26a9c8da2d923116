"""The e-mail that tells somebody of a message or a missed call (RFC 5322), text and HTML, composed from templates.

Everything that decides the mail is an argument, so the same entry makes the same mail with the same Message-ID: a
second delivery after a kill is recognised as such. A caller's display name stands in the body alone, never in a header.
"""

from __future__ import annotations

import hashlib
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from provisioning.notifier.queue import Entry
from provisioning.notifier.recipient import Recipient
from provisioning.notifier.recording import Recording
from provisioning.notifier.wording import clean, shown_caller, shown_number
from provisioning.store.outbox import VoicemailLeft

TEMPLATES = Path(__file__).parent / "templates"
FALLBACK = "en"
"""The language of what has not been translated."""


def compose(
    entry: Entry, recipient: Recipient, recording: Recording, sender: str, language: str = FALLBACK
) -> EmailMessage:
    """The mail for one entry. `recording` is looked at for a voice message alone; `sender` is a From header.

    Raises ValueError where the recipient's address cannot stand in a header.
    """
    file_name = _file_name(entry, recipient)
    values = _values(entry, recipient, recording, file_name)
    page = _environment(language)
    subject, _, text = page.get_template(f"{entry.news.event}.txt").render(values).partition("\n")
    html = page.get_template(f"{entry.news.event}.html").render(values, subject=subject)

    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = _to(recipient)
    mail["Subject"] = subject
    mail["Date"] = entry.created_at
    mail["Message-ID"] = message_id(entry.key, sender)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office note answers it
    mail.set_content(text.lstrip("\n"), cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if isinstance(entry.news, VoicemailLeft) and recording.wav is not None:
        mail.add_attachment(recording.wav, maintype="audio", subtype="wav", filename=file_name)
    return mail


def fingerprint(key: str) -> str:
    """A queue key as 32 hex digits: it holds a Call-ID, and so what a caller chose."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def message_id(key: str, sender: str) -> str:
    """The Message-ID of what is queued under `key` (RFC 5322 §3.6.4)."""
    return f"<{fingerprint(key)}@{sender_domain(sender)}>"


def sender_domain(sender: str) -> str:
    """The domain of the address in a From header."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _to(recipient: Recipient) -> Address:
    """The address alone: Python 3.11 folds a long name wrongly."""
    if recipient.email is None:
        raise ValueError("the user has no e-mail address")
    try:
        return Address(addr_spec=recipient.email)
    except (ValueError, MessageError, IndexError) as error:  # the parser runs off the end of some
        raise ValueError(f"the user's e-mail address cannot be used ({recipient.email!r})") from error


def _file_name(entry: Entry, recipient: Recipient) -> str:
    if not isinstance(entry.news, VoicemailLeft):
        return ""
    return f"voicemail-{entry.news.received.astimezone(recipient.zone):%Y-%m-%d-%H%M%S}.wav"


def _values(entry: Entry, recipient: Recipient, recording: Recording, file_name: str) -> dict[str, Any]:
    """What the templates may use; a name that they misspell is an error."""
    news = entry.news
    values: dict[str, Any] = {
        "user": clean(recipient.name),
        "caller": shown_caller(news.caller, recipient.country),
    }
    if isinstance(news, VoicemailLeft):
        seconds = round(news.seconds)
        return values | {
            "time": news.received.astimezone(recipient.zone),
            "length": f"{seconds // 60}:{seconds % 60:02}",
            "file_name": file_name if recording.wav is not None else "",
            "too_large": recording.too_large,
        }
    return values | {
        "time": news.at.astimezone(recipient.zone),
        "dialled": shown_number(news.dialled, recipient.country),
        "how": news.how.value,
    }


@cache
def _environment(language: str) -> Environment:
    return Environment(
        loader=FileSystemLoader([TEMPLATES / language, TEMPLATES / FALLBACK]),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
