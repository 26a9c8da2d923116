"""The words that plans and results are told in."""

from __future__ import annotations

from collections.abc import Mapping

from b2bua.callplan.settings import User
from b2bua.callplan.steps import Announcement

_FORMER = "a former user"

ANNOUNCED = {
    Announcement.REDIRECTING: "the call is being redirected",
    Announcement.ANONYMOUS: "anonymous calls are not taken",
}
"""What a caller is told, after "that"."""


def possessive(user: int, users: Mapping[int, User]) -> str:
    """`Reception’s`."""
    name = name_of(user, users)
    return f"{name}{'’' if name.endswith('s') else '’s'}"


def devices(user: int, users: Mapping[int, User]) -> str:
    """`Reception’s devices`."""
    return f"{possessive(user, users)} devices"


def name_of(user: int, users: Mapping[int, User]) -> str:
    """A user by name; one that is gone as such."""
    return users[user].name if user in users else _FORMER


def known_as(user: int, users: Mapping[int, User]) -> str | None:
    """A user by e-mail address, or by extension without one; `None` for one that is gone."""
    return users[user].known_as if user in users else None


def duration(seconds: float) -> str:
    """`20 seconds`, to a tenth of one."""
    text = f"{seconds:.1f}".removesuffix(".0")
    return f"{text} second" if text == "1" else f"{text} seconds"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[0].upper()}{text[1:]}."
