"""The kinds of value that a setting may have.

Each takes what was written (TOML, JSON, a field of a page) and returns the value in its one form, or raises Unfit,
which says what is wrong and what is allowed. Nothing secret is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time
from functools import cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from zoneinfo import available_timezones

import phonenumbers

from provisioning.company.unfit import Unfit

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_EXTENSION = re.compile(r"[0-9]{1,8}")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+-]{0,63}")
_VENDOR = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_NUMERIC = re.compile(r"[0-9.]+")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MIDNIGHT = "24:00"
MAX_TIMER = 120
MAX_CALLS = 100
LONGEST_TEXT = 200
SHORTEST_PASSWORD = 12
MOST = 1_000_000
"""Users or numbers that a customer can be allowed."""


def text(value: object) -> str:
    """Some text on one line, spaces around it dropped."""
    if not isinstance(value, str):
        raise Unfit("text.kind", value=value)
    stripped = value.strip()
    if not stripped:
        raise Unfit("text.empty")
    if len(stripped) > LONGEST_TEXT:
        raise Unfit("text.long", longest=LONGEST_TEXT)
    if not stripped.isprintable():
        raise Unfit("text.lines")
    return stripped


def secret(value: object) -> str:
    """A password: text of printable characters, exactly as written."""
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise Unfit("secret.kind", longest=LONGEST_TEXT)
    return value


def account_password(value: str) -> str:
    """A password that somebody signs in with, exactly as written."""
    if not SHORTEST_PASSWORD <= len(value) <= LONGEST_TEXT or not value.isprintable():
        raise Unfit("password.length", shortest=SHORTEST_PASSWORD, longest=LONGEST_TEXT)
    return value


def pin(value: object) -> str:
    """A PIN to be judged with the user's numbers; empty for none."""
    if not isinstance(value, str):
        raise Unfit("pin.length")
    return value


def day(value: object) -> str:
    """What a weekday is: "available", "unavailable", or "spans" for a list of them."""
    if isinstance(value, list) and value:
        return "spans"
    if value not in ("available", "unavailable"):
        raise Unfit("day.kind", value=value)
    return str(value)


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Unfit("flag.kind", value=value)
    return value


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit("whole.range", low=low, high=high, value=value)
        return value

    return parse


def may_be_empty(parse: Callable[[object], str]) -> Callable[[object], str | None]:
    """What `parse` accepts, or empty text for none."""
    return lambda value: None if value == "" else parse(value)


def seconds(value: object) -> float:
    """A timer: 0 to 120 seconds (BEHAVIOUR N5)."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_TIMER:
        raise Unfit("seconds.range", longest=MAX_TIMER, value=value)
    return float(value)


def choice(*allowed: str) -> Callable[[object], str]:
    """One of these words."""

    def parse(value: object) -> str:
        if value not in allowed:
            raise Unfit("choice.unknown", allowed=allowed, value=value)
        return str(value)

    return parse


def checked(parse: Callable[[str], str]) -> Callable[[object], str]:
    """Text that `parse` accepts."""
    return lambda value: parse(text(value))


def email(value: str) -> str:
    """An e-mail address, in lower case."""
    if not _EMAIL.fullmatch(value):
        raise Unfit("email.form", value=value)
    return value.lower()


def user(value: str) -> str:
    """A user of the same customer: an e-mail, in lower case, or an extension."""
    if _EXTENSION.fullmatch(value):
        return value
    if not _EMAIL.fullmatch(value):
        raise Unfit("user.form", value=value)
    return value.lower()


def username(value: str) -> str:
    """A SIP username."""
    if not _USERNAME.fullmatch(value):
        raise Unfit("username.form", value=value)
    return value


def vendor(value: str) -> str:
    """A maker of phones, in lower case."""
    if not _VENDOR.fullmatch(value.lower()):
        raise Unfit("vendor.form", value=value)
    return value.lower()


def country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code that has a numbering plan."""
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise Unfit("country.unknown", value=value)
    return value


def timezone(value: str) -> str:
    """An IANA time zone."""
    if value not in _timezones():
        raise Unfit("timezone.unknown", value=value)
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def host(value: str) -> str:
    """A host name or IPv4 address, with or without a port."""
    name, colon, port = value.partition(":")
    if colon and not _is_port(port):
        raise Unfit("host.port", value=value)
    if not (_is_ipv4(name) if _NUMERIC.fullmatch(name) else _HOST_NAME.fullmatch(name)):
        raise Unfit("host.form", value=value)
    return value.lower()


def source(value: str) -> str:
    """Where calls may come from: ip, CIDR or ip:port, IPv4."""
    address, colon, port = value.partition(":")
    if colon:
        if _is_ipv4(address) and _is_port(port):
            return value
    elif "/" in value:
        try:
            return str(IPv4Network(value))
        except (AddressValueError, NetmaskValueError):
            pass
        except ValueError:
            raise Unfit("source.inside", value=value, network=IPv4Network(value, strict=False)) from None
    elif _is_ipv4(value):
        return value
    raise Unfit("source.form", value=value)


def clock_span(value: object) -> tuple[time, time]:
    """A span of the day, `"17:30-08:30"`; one that ends before it starts runs past midnight (O3)."""
    start, _, end = text(value).replace(" ", "").partition("-")
    if not _CLOCK.fullmatch(start) or not (_CLOCK.fullmatch(end) or end == _MIDNIGHT):
        raise Unfit("span.form", value=value)
    if start == end or (start, end) == ("00:00", _MIDNIGHT):
        raise Unfit("span.empty", value=value)
    return time.fromisoformat(start), time(0) if end == _MIDNIGHT else time.fromisoformat(end)


def _is_ipv4(value: str) -> bool:
    try:
        IPv4Address(value)
    except AddressValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and 1 <= int(value) <= 65535
