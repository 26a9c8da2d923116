"""English: "you have two new messages and no saved messages", "received yesterday at three oh five p.m."."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

import phonenumbers

from media.message import Caller

DIGITS = "0123456789"
LONGEST_GROUP = 5
"""Digits of a telephone number that are read without a pause; an area code may have as many (01632)."""


def number(n: int) -> tuple[str, ...]:
    """See `Language.number`: "one hundred and one", "two thousand three hundred"."""
    if not 0 <= n < 1_000_000:
        raise ValueError(f"{n} is not between 0 and 999,999")
    if n < 10:
        return (f"digit-{n}",)
    if n < 20:
        return (f"number-{n}",)
    if n < 100:
        return (f"number-{n - n % 10}", *_rest(n % 10))
    if n < 1000:
        return (*number(n // 100), "hundred", *_rest(n % 100, "and"))
    return (*number(n // 1000), "thousand", *_rest(n % 1000, *(("and",) if n % 1000 < 100 else ())))


def _rest(n: int, *joint: str) -> tuple[str, ...]:
    """What follows the tens, hundreds or thousands, where anything does."""
    return (*joint, *number(n)) if n else ()


def digits(text: str) -> tuple[str, ...]:
    """See `Language.digits`."""
    if not set(text) <= set(DIGITS):
        raise ValueError(f"{text!r} is not digits")
    return tuple(f"digit-{digit}" for digit in text)


def counts(new: int, saved: int) -> tuple[str, ...]:
    """See `Language.counts`: "you have one new message and no saved messages", "you have no messages"."""
    if not new and not saved:
        return ("you-have", "no", "messages")
    return (
        "you-have",
        *_counted(new, ("message-new",), ("new", "messages")),
        "and",
        *_counted(saved, ("message-saved-one",), ("saved", "messages")),
    )


def _counted(n: int, one: tuple[str, ...], several: tuple[str, ...]) -> tuple[str, ...]:
    if n == 1:
        return ("digit-1", *one)
    return (*(number(n) if n else ("no",)), *several)


def received(at: datetime, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    """See `Language.received`: "received today at three p.m.", "received Monday fifth May at ten oh five a.m."."""
    if at.tzinfo is None or now.tzinfo is None:
        raise ValueError("a time without its zone")
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        day: tuple[str, ...] = ("today",)
    elif local.date() == today - timedelta(days=1):
        day = ("yesterday",)
    else:
        day = (f"weekday-{local.isoweekday()}", *_ordinal(local.day), f"month-{local.month}")
    return ("received", *day, "at", *_time(local))


def _ordinal(n: int) -> tuple[str, ...]:
    """A day of the month: 1 to 20 and 30 have a word of their own."""
    if n <= 20 or n == 30:
        return (f"ordinal-{n}",)
    return (f"number-{n - n % 10}", f"ordinal-{n % 10}")


def _time(at: datetime) -> tuple[str, ...]:
    hour = number((at.hour - 1) % 12 + 1)
    minute = ("oh", *number(at.minute)) if 0 < at.minute < 10 else _rest(at.minute)
    return (*hour, *minute, "am" if at.hour < 12 else "pm")


def caller(caller: Caller, country: str) -> tuple[str, ...]:
    """See `Language.caller`: "from zero one six three two, nine six zero, one two three", "from extension two"."""
    if caller.withheld:
        return ("withheld-number",)
    given = caller.number or ""
    groups = _groups(given, country)
    if not groups:
        return ("unknown-number",)
    read = [phrase for group in groups for phrase in ("pause", *digits(group))][1:]
    return ("from", *(() if given.startswith("+") else ("extension",)), *read)


def _groups(given: str, country: str) -> tuple[str, ...]:
    """A telephone number as it is dialled and commonly written in a country; an extension as it is."""
    written = given
    if given.startswith("+"):
        try:
            parsed = phonenumbers.parse(given)
        except phonenumbers.NumberParseException:
            return ()
        written = phonenumbers.format_out_of_country_calling_number(parsed, country)
        written = "".join(sign if sign in DIGITS else " " for sign in written)
    elif not set(given) <= set(DIGITS):
        return ()
    return tuple(part for group in written.split() for part in _parts(group))


def _parts(group: str) -> tuple[str, ...]:
    """A group in parts of three and four digits, the shorter first, where it is too long to be read at once."""
    if len(group) <= LONGEST_GROUP:
        return (group,)
    parts = -(-len(group) // 4)
    cuts = [len(group) * part // parts for part in range(parts + 1)]
    return tuple(group[start:end] for start, end in pairwise(cuts))
