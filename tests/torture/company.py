"""Customers with as many users as it takes."""

from __future__ import annotations

from collections.abc import Iterable

from tests.torture.load import credentials

HEAD = """\
[[customers]]
name = "{name} Ltd"
"""
USER = """
  [[customers.users]]
  name = "{title}"
  email = "{username}@{name}.example"
  extension = "{extension}"
  max_calls = 100
  soft_clients = [{{ username = "{username}", password = "{username}-secret" }}]
"""
VOICEMAIL = """
    [customers.users.not_answered]
    action = "voicemail"
    after = {after}
"""


class Company:
    """A customer's users: `<name>-<extension>` are usernames, each with the password `<username> secret`.

    Those at `mailboxes` take messages when nobody answers.
    """

    def __init__(self, name: str, extensions: Iterable[int], mailboxes: Iterable[int] = ()) -> None:
        self.name = name
        self.extensions = [str(extension) for extension in extensions]
        self.mailboxes = [str(extension) for extension in mailboxes]

    def username(self, extension: str) -> str:
        """The SIP username of the user at an extension."""
        return f"{self.name}-{extension}"

    def email(self, extension: str) -> str:
        """The e-mail of the user at an extension."""
        return f"{self.username(extension)}@{self.name}.example"

    def file(self, title: str = "Somebody", after: int = 1, pin: str = "") -> str:
        """The company file. All users have the name `title`; voicemail answers after `after` s, its PIN is `pin`."""
        text = HEAD.format(name=self.name)
        for extension in [*self.extensions, *self.mailboxes]:
            username = self.username(extension)
            text += USER.format(name=self.name, title=title, username=username, extension=extension)
            if extension in self.mailboxes:
                text += f'  voice_portal_pin = "{pin}"\n' if pin else ""
                text += VOICEMAIL.format(after=after)
        return text

    def row(self, extension: str, *more: str) -> str:
        """A row for SIPp: the account of the user at an extension, and what follows."""
        username = self.username(extension)
        return ";".join((username, credentials(username, f"{username}-secret"), *more))
