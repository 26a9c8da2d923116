"""The number that a user picked for a client's calls, until that client signs off (BEHAVIOUR I1, I2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from b2bua.callplan.identity import presented
from b2bua.callplan.settings import User
from b2bua.registrar.bindings import Removal

if TYPE_CHECKING:
    from b2bua.runtime.directory import LiveDevices

SIGNED_OFF = frozenset({Removal.UNREGISTERED, Removal.EXPIRED, Removal.WITHDRAWN})
"""How a registration ends that was no lost connection: coming back after one of those is no new sign-on."""


class ChoiceError(Exception):
    """Why a number cannot be picked, in a sentence for whoever wanted it."""


class Shown(NamedTuple):
    """What the called see of a client's calls: the number, whether it was picked, and all that may be."""

    number: str | None
    picked: bool
    numbers: tuple[str, ...]


class PickedNumbers:
    """The picked numbers of clients, by SIP username."""

    def __init__(self) -> None:
        self._picked: dict[str, str] = {}

    def of(self, username: str) -> str | None:
        """The number that was picked for this client (E.164), if any."""
        return self._picked.get(username)

    def pick(self, username: str, number: str | None) -> None:
        """From now on this number, `None` for the one that is set."""
        if number is None:
            self._picked.pop(username, None)
        else:
            self._picked[username] = number

    def removed(self, username: str, reason: Removal) -> None:
        """The last registration of a client has ended."""
        if reason in SIGNED_OFF:
            self._picked.pop(username, None)


def pick(devices: LiveDevices, username: str, number: str | None, now: float) -> Shown:
    """Pick a number for a client's calls, `None` for the one that is set. Raises ChoiceError.

    `Registrations.pick` keeps it on disk as well.
    """
    user = _user(devices, username)
    if number is not None:
        if number not in user.numbers:
            own = ", ".join(user.numbers) or "no number at all"
            raise ChoiceError(f"{number} is not a number of {user.name}, who has {own}.")
        if not devices.location.lookup(username, now):
            raise ChoiceError(f"{username} is not registered; a number is picked for as long as it is.")
    devices.choices.pick(username, number)
    found = shown(devices, username)
    if number is not None and not found.picked:
        devices.choices.pick(username, None)
        raise ChoiceError(
            f"{number} cannot be shown: the company does not let users pick, or numbers of its kind are never shown."
        )
    return found


def shown(devices: LiveDevices, username: str) -> Shown:
    """What the called see of a client's calls now. Raises ChoiceError for a username that nobody has."""
    user = _user(devices, username)
    customer = devices.directory.numbering.customer_of(user)
    picked = devices.choices.of(username)
    number = presented(user, customer, picked)
    return Shown(number, picked is not None and number == picked, user.numbers)


def _user(devices: LiveDevices, username: str) -> User:
    account = devices.directory.account(username)
    user = devices.directory.user(account.user_id) if account is not None else None
    if user is None:
        raise ChoiceError(f"Nobody has the SIP username {username}.")
    return user
