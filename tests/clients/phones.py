"""A customer with three users for real phones, and the phones themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

from tests.support import meter
from tests.support.baresip import Baresip
from tests.support.console_phone import ConsolePhone
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.pyvoip import PyVoip
from tests.support.service import Service

Phone = Baresip | ConsolePhone | Pjsua2Phone | PyVoip
P = TypeVar("P", bound=Phone)
PASSWORD = "a-password-of-the-tests"
FIRST_NUMBER = 540
"""Numbers of +44 1632 960xxx above it are these companies' alone; those below are the stories'."""

_COMPANY = """\
[[customers]]
name = "Phones {number} Ltd"
numbers = ["+441632960{first}", "+441632960{second}", "+441632960{third}"]

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
{bob}

  [[customers.users]]
  name = "Carol"
  email = "carol@phones{number}.example"
  extension = "203"
  numbers = ["+441632960{third}"]
  soft_clients = [{{ username = "phones{number}-carol", password = "{password}" }}]

    [customers.users.not_answered]
    action = "voicemail"
    after = 60
"""
_VOICEMAIL = """
    [customers.users.not_answered]
    action = "voicemail"
    after = 1
"""
_numbers = count(1)


class Company:
    """A customer of a test's own: Alice at 201, Bob at 202, Carol at 203, who lets it ring for a minute.

    Bob has voicemail after a second, unless told otherwise in the words of the company file; in these `{third}` is
    the end of Carol's number.
    """

    password = PASSWORD

    def __init__(self, service: Service, folder: Path, bob: str = _VOICEMAIL) -> None:
        self._number = next(_numbers)
        self._service, self._folder = service, folder
        self._first = FIRST_NUMBER + 3 * self._number
        self._phones = count(1)
        self.configure(bob)

    def configure(self, bob: str) -> None:
        """Say anew what applies to Bob, in the words of the company file."""
        ends = {"first": self._first, "second": self._first + 1, "third": self._first + 2}
        text = _COMPANY.replace("{bob}", bob)
        self._service.apply(text.format(number=self._number, password=PASSWORD, **ends))

    def number(self, user: str) -> str:
        """A user's number, as somebody outside the company dials it."""
        return f"01632960{self._first + ('alice', 'bob', 'carol').index(user)}"

    def account(self, user: str) -> str:
        """The SIP username of a user's only device."""
        return f"phones{self._number}-{user}"

    @contextmanager
    def phone(self, kind: type[P], user: str, says: float | meter.Sound) -> Iterator[P]:
        """A phone of that kind that is registered for the user and speaks: a tone of so many Hz, or this sound."""
        sound = says if isinstance(says, meter.Sound) else meter.tone(says, seconds=30.0)
        folder = self._folder / f"{user}-{next(self._phones)}"
        source = meter.write_wav(folder.with_suffix(".wav"), sound)
        phone = kind(folder, self._service.sip, self.account(user), PASSWORD, source)
        with phone:
            phone.register()
            yield phone

    def mailbox(self, user: str) -> list[dict[str, object]]:
        """The messages in a user's mailbox."""
        return self._service.messages(self.email(user))

    def email(self, user: str) -> str:
        """A user's e-mail, which is their name on the command line."""
        return f"{user}@phones{self._number}.example"
