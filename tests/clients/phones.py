"""A customer with two users for real phones, and the phones themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.support import meter
from tests.support.baresip import Baresip
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service

Phone = Baresip | Pjsua2Phone
PASSWORD = "a-password-of-the-tests"

_COMPANY = """\
[[customers]]
name = "Phones {number} Ltd"
numbers = ["+441632960{first}", "+441632960{second}"]

  [[customers.users]]
  name = "Alice"
  email = "alice@phones{number}.example"
  extension = "201"
  numbers = ["+441632960{first}"]
  soft_clients = [{{ username = "phones{number}-alice", password = "{password}" }}]

  [[customers.users]]
  name = "Bob"
  email = "bob@phones{number}.example"
  extension = "202"
  numbers = ["+441632960{second}"]
  soft_clients = [{{ username = "phones{number}-bob", password = "{password}" }}]

    [customers.users.not_answered]
    action = "voicemail"
    after = 1
"""
_numbers = count(1)


class Company:
    """A customer of a test's own: Alice at 201, Bob at 202 with voicemail after a second."""

    password = PASSWORD

    def __init__(self, service: Service, folder: Path) -> None:
        self._number = next(_numbers)
        self._service, self._folder = service, folder
        first = 800 + 2 * self._number
        service.apply(_COMPANY.format(number=self._number, first=first, second=first + 1, password=PASSWORD))

    def account(self, user: str) -> str:
        """The SIP username of a user's only device."""
        return f"phones{self._number}-{user}"

    @contextmanager
    def phone(self, kind: type[Phone], user: str, tone: float) -> Iterator[Phone]:
        """A phone of that kind that is registered for the user and speaks a steady tone."""
        source = meter.write_wav(self._folder / f"{user}.wav", meter.tone(tone, seconds=30.0))
        phone = kind(self._folder / user, self._service.sip, self.account(user), PASSWORD, source)
        with phone:
            phone.register()
            yield phone

    def mailbox(self, user: str) -> list[dict[str, object]]:
        """The messages in a user's mailbox."""
        return self._service.messages(f"{user}@phones{self._number}.example")
