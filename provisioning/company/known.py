"""Naming users: by e-mail or extension, with `@Customer` behind it where several have it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


def known_as(email: str | None, extension: str | None, user: int) -> str:
    """The one name that a user goes by inside the customer."""
    return email or extension or f"id:{user}"


def in_words(name: str, email: str | None, extension: str | None) -> str:
    """`Anna <anna@acme.example>`; `Lift (extension 204)` without an e-mail."""
    if email:
        return f"{name} <{email}>"
    return f"{name} (extension {extension})" if extension else name


SHOWN = 5
"""How many of those who may be meant are listed."""


@dataclass(frozen=True, slots=True)
class KnownUser:
    """What a user is known by. `email` is lower case."""

    id: int
    name: str
    email: str | None
    extension: str | None
    customer: str
    """The customer's name."""

    def names(self) -> Iterator[str]:
        """All that the user may be called, the best first; `id:17` is nobody else's."""
        own = [*filter(None, (self.email, self.extension))]
        yield from own
        yield from (f"{each}@{self.customer}" for each in own)
        yield f"id:{self.id}"


class NoSuchUser(Exception):
    """Nobody is meant by this name; the text is a sentence for whoever used it."""


class SeveralUsers(NoSuchUser):
    """Several are meant; the sentence says how to name each of them."""


class KnownUsers:
    """All users of the platform, each to be found by name, whatever its case."""

    def __init__(self, users: Iterable[KnownUser]) -> None:
        self._users = {user.id: user for user in users}
        self._named: defaultdict[str, list[KnownUser]] = defaultdict(list)
        for user in self._users.values():
            for name in user.names():
                self._named[name.casefold()].append(user)

    def find(self, name: str) -> KnownUser:
        """The one user whom `name` means. Raises NoSuchUser, or SeveralUsers.

        It may be an e-mail (`anna@acme.example`), an extension (`201`), either with the customer behind it
        (`201@Acme Ltd`), or an id (`id:17`).
        """
        found = self._named.get(name.strip().casefold(), [])
        if not found:
            raise NoSuchUser(f"There is no user {name}.")
        if len(found) > 1:
            ways = sorted(self._best(user) for user in found)
            raise SeveralUsers(f"{name} may be any of {len(found)} users. Say which one: {_or(ways)}.")
        return found[0]

    def name_of(self, user: int | None) -> str | None:
        """The shortest name that means this user and nobody else; None for nobody."""
        found = None if user is None else self._users.get(user)
        return None if found is None else self._best(found)

    def email_of(self, user: int | None) -> str | None:
        """The e-mail of the user with this id; None for nobody, and for one who has none."""
        found = None if user is None else self._users.get(user)
        return None if found is None else found.email

    def _best(self, user: KnownUser) -> str:
        return next(name for name in user.names() if len(self._named[name.casefold()]) == 1)


def _or(ways: list[str]) -> str:
    shown = [f'"{way}"' if " " in way else way for way in ways[:SHOWN]]
    if len(ways) > SHOWN:
        return ", ".join([*shown, "…"])
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
