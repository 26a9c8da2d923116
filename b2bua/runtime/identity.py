"""Which number the called see of a client's calls, and the picking of another one (BEHAVIOUR I1, I2)."""

from __future__ import annotations

from typing import NamedTuple

from b2bua.callplan.identity import presented
from b2bua.callplan.settings import User
from b2bua.runtime.directory import LiveDevices


class ChoiceError(Exception):
    """Why a number cannot be picked, in a sentence for whoever wanted it."""


class Shown(NamedTuple):
    """What the called see of a client's calls: the number, whether it was picked, and all that may be."""

    number: str | None
    picked: bool
    numbers: tuple[str, ...]


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
