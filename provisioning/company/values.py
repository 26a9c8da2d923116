"""The kinds of value a company file may hold.

Each takes what tomllib read, and raises ValueError with a sentence that says what is wrong and what is
allowed. Nothing secret is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time
from functools import cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from zoneinfo import available_timezones

import phonenumbers

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
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


def text(value: object) -> str:
    """Some text on one line, spaces around it dropped."""
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, not {shown(value)}")
    stripped = value.strip()
    if not stripped:
        raise ValueError("must not be empty")
    if len(stripped) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT} characters")
    if not stripped.isprintable():
        raise ValueError("must be on one line, without control characters")
    return stripped


def secret(value: object) -> str:
    """A password: text of printable characters, exactly as written."""
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > LONGEST_TEXT:
        raise ValueError(f"must be text in quotes, 1 to {LONGEST_TEXT} printable characters")
    return value


def pin(value: object) -> str:
    """A PIN to be judged with the user's numbers; empty for none."""
    if not isinstance(value, str):
        raise ValueError("must be exactly 6 digits in quotes")
    return value


def day(value: object) -> str:
    """What a weekday is: "available", "unavailable", or "spans" for a list of them."""
    if isinstance(value, list) and value:
        return "spans"
    if value not in ("available", "unavailable"):
        raise ValueError(
            f'must be "available", "unavailable" or spans such as ["12:30-13:30"], not {shown(value)}'
        )
    return str(value)


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {shown(value)}")
        return value

    return parse


def seconds(value: object) -> float:
    """A timer: 0 to 120 seconds (BEHAVIOUR N5)."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_TIMER:
        raise ValueError(f"must be 0 to {MAX_TIMER} seconds, not {shown(value)}")
    return float(value)


def choice(*allowed: str) -> Callable[[object], str]:
    """One of these words."""

    def parse(value: object) -> str:
        if value not in allowed:
            words = ", ".join(f'"{word}"' for word in allowed)
            raise ValueError(f"must be one of {words}, not {shown(value)}")
        return str(value)

    return parse


def checked(parse: Callable[[str], str]) -> Callable[[object], str]:
    """Text that `parse` accepts; the sentence of its refusal repeats the value."""

    def parse_shown(value: object) -> str:
        try:
            return parse(text(value))
        except ValueError as error:
            if isinstance(value, str) and value.strip():
                raise ValueError(f"{shown(value)} {error}") from None
            raise

    return parse_shown


def email(value: str) -> str:
    """An e-mail address, in lower case."""
    if not _EMAIL.fullmatch(value):
        raise ValueError("is not an e-mail address")
    return value.lower()


def username(value: str) -> str:
    """A SIP username."""
    if not _USERNAME.fullmatch(value):
        raise ValueError(
            "is not a username: 1 to 64 letters, digits and . _ ~ + -, beginning with a letter or digit"
        )
    return value


def vendor(value: str) -> str:
    """A maker of phones, in lower case."""
    if not _VENDOR.fullmatch(value.lower()):
        raise ValueError('must be one word, such as "yealink"')
    return value.lower()


def country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code that has a numbering plan."""
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError('is not a country code of two capital letters, such as "GB"')
    return value


def timezone(value: str) -> str:
    """An IANA time zone."""
    if value not in _timezones():
        raise ValueError('is not a time zone of the IANA list, such as "Europe/London"')
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def host(value: str) -> str:
    """A host name or IPv4 address, with or without a port."""
    name, colon, port = value.partition(":")
    if colon and not _is_port(port):
        raise ValueError("has no port from 1 to 65535 after the colon")
    if not (_is_ipv4(name) if _NUMERIC.fullmatch(name) else _HOST_NAME.fullmatch(name)):
        raise ValueError(
            'must be a host name or IPv4 address, such as "sip.carrier.example" or "192.0.2.1:5060"'
        )
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
            raise ValueError(
                f"names a host inside the network; write {IPv4Network(value, strict=False)}"
            ) from None
    elif _is_ipv4(value):
        return value
    raise ValueError(
        'must be an IPv4 address, a network or ip:port, such as "192.0.2.0/24" or "192.0.2.1:5060"'
    )


def clock_span(value: object) -> tuple[time, time]:
    """A span of the day, `"17:30-08:30"`; one that ends before it starts runs past midnight (O3)."""
    start, _, end = text(value).replace(" ", "").partition("-")
    if not _CLOCK.fullmatch(start) or not (_CLOCK.fullmatch(end) or end == _MIDNIGHT):
        raise ValueError(f'must be "from-to" on the 24-hour clock, such as "12:30-13:30", not {shown(value)}')
    if start == end or (start, end) == ("00:00", _MIDNIGHT):
        raise ValueError(
            f'{shown(value)} ends when it starts; for the whole day write "unavailable" for the day'
        )
    return time.fromisoformat(start), time(0) if end == _MIDNIGHT else time.fromisoformat(end)


def shown(value: object) -> str:
    """A value as the file writes it, shortened."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def _is_ipv4(value: str) -> bool:
    try:
        IPv4Address(value)
    except AddressValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and 1 <= int(value) <= 65535
