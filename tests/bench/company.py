"""The company that is measured with: a carrier, users who are called, users who only register, and mailboxes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from b2bua.sip.auth.challenge import Credential

CALLED, REGISTERING, MAILBOXES = 200, 200, 20
PASSWORD = "for-loopback-only"
PIN = "274913"
CALLS_AT_ONCE = 100
"""The most that a user may be allowed: the load comes back to each user before the last call has ended."""


def number(index: int) -> str:
    """The number of a called user, of Ofcom's range for drama."""
    return f"+44163296{index:04d}"


def mailbox_number(index: int) -> str:
    """The number of a user without a device, whose calls go to voicemail at once."""
    return number(CALLED + index)


def device(index: int) -> Credential:
    """A called user's device."""
    return Credential(f"called-{index}", PASSWORD)


def email(index: int) -> str:
    """A called user's e-mail."""
    return f"called-{index}@bench.example"


def company_file(carrier: str, owners: int = 0) -> str:
    """The company as a company file; the trunk's calls come from the address `carrier`.

    `owners` are so many of the called users who have a PIN for the voice portal.
    """
    numbers = ", ".join(f'"{number(index)}"' for index in range(CALLED + MAILBOXES))
    text = f"""
[[trunks]]
name = "carrier"
host = "{carrier}:5060"
allow_from = ["{carrier}"]

[[customers]]
name = "Bench Ltd"
numbers = [{numbers}]
"""
    for index in range(CALLED):
        own, pin = f'numbers = ["{number(index)}"]', PIN if index < owners else ""
        text += _user("called", index, own, client=True, pin=pin)
    for index in range(REGISTERING):
        text += _user("registering", index, "", client=True)
    for index in range(MAILBOXES):
        own = f'numbers = ["{mailbox_number(index)}"]\n  not_answered = {{ action = "voicemail", after = 0 }}'
        text += _user("mailbox", index, own, client=False)
    return text


def _user(kind: str, index: int, own: str, client: bool, pin: str = "") -> str:
    clients = f'soft_clients = [{{ username = "{kind}-{index}", password = "{PASSWORD}" }}]' if client else ""
    return f"""
  [[customers.users]]
  name = "{kind} {index}"
  email = "{kind}-{index}@bench.example"
  voice_portal_pin = "{pin}"
  max_calls = {CALLS_AT_ONCE}
  {clients}
  {own}
"""


def credentials(username: str) -> str:
    """SIPp's keyword for this user's answer to a challenge."""
    return f"[authentication username={username} password={PASSWORD}]"


def field_file(path: Path, rows: Iterable[Iterable[str]]) -> Path:
    """Write a file of SIPp's fields, used in turn."""
    path.write_text("SEQUENTIAL\n" + "".join(";".join(row) + ";\n" for row in rows))
    return path


def trunk_calls(folder: Path) -> Path:
    """A carrier's calls: the number."""
    return field_file(folder / "numbers.csv", ([number(index)] for index in range(CALLED)))


def device_calls(folder: Path) -> Path:
    """Calls between users: the number, the caller's username and credentials."""
    rows = (
        [number(index), f"called-{(index + 1) % CALLED}", credentials(f"called-{(index + 1) % CALLED}")]
        for index in range(CALLED)
    )
    return field_file(folder / "callers.csv", rows)


def registrations(folder: Path, kind: str, count: int) -> Path:
    """Registrations of all users of a kind: username and credentials."""
    rows = ([f"{kind}-{index}", credentials(f"{kind}-{index}")] for index in range(count))
    return field_file(folder / f"{kind}.csv", rows)
