"""What callers say of themselves, made fit to be read: cleaned names, and numbers as people write them.

A caller chooses the display name freely, and a carrier passes it on. Numbers are only shown where they are numbers,
and only they may stand in a header (BEHAVIOUR A3, V5).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers

from media.message import Caller

LONGEST_NAME = 64
_DIALLABLE = re.compile(r"\+[0-9]{1,20}|[0-9*#]{1,20}")


@dataclass(frozen=True, slots=True)
class ShownCaller:
    """A caller in words. Neither number nor name where it is withheld."""

    number: str = ""
    name: str = ""
    withheld: bool = False


def shown_caller(caller: Caller, country: str) -> ShownCaller:
    """A caller as a user in `country` reads it."""
    if caller.withheld:
        return ShownCaller(withheld=True)
    number = shown_number(caller.number or "", country)
    name = clean(caller.name or "")
    return ShownCaller(number, "" if name in (number, caller.number) else name)


def shown_number(number: str, country: str) -> str:
    """A number in its country's way of writing, with country code if that is another; "" for what is none."""
    if not _DIALLABLE.fullmatch(number):
        return ""
    if not number.startswith("+"):
        return number  # an extension
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    home = phonenumbers.country_code_for_region(country) == parsed.country_code
    form = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, form.NATIONAL if home else form.INTERNATIONAL)


def clean(text: str, longest: int = LONGEST_NAME) -> str:
    """Text on one line without anything invisible: no control, direction or unassigned characters; cut if long."""
    kept = []
    # Composed first, so that the cut takes no accent from its letter; of a very long text only what may be shown.
    for character in unicodedata.normalize("NFC", text[: 4 * longest]):
        category = unicodedata.category(character)
        if category == "Cf":
            continue  # directions and zero widths: they stand between letters, not between words
        kept.append(" " if category[0] in "CZ" else character)
    words = " ".join("".join(kept).split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
