"""Numbers as a carrier writes them: E.164 digits, with a plus, or as they are dialled in the carrier's country."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from b2bua.callplan.dialling import e164, without_separators
from b2bua.callplan.settings import Trunk
from b2bua.sip.text.uri import Uri
from b2bua.trunks.dialled import dialled

_DIGITS = re.compile(r"[0-9]{1,32}")
_NOT_DIALLED = re.compile(r"[^0-9+]")


def to_trunk(number: str, trunk: Trunk) -> str:
    """Write a number for the trunk: the user part of the URIs that it is sent.

    `number` is E.164 with a plus. What has no plus is an emergency or service code and stays as it is.
    """
    if not number.startswith("+") or trunk.number_format == "plus":
        return number
    if trunk.number_format == "e164":
        return number[1:]
    return _dialled(number, trunk.country)


def number_in(uri: Uri, trunk: Trunk) -> str | None:
    """The number that a URI from the trunk names, as E.164 with a plus; `None` where it names none."""
    return from_trunk(dialled_on(uri, trunk), trunk)


def dialled_on(uri: Uri, trunk: Trunk) -> str:
    """What a URI from the trunk names, as it would be dialled: the carrier's own domain needs no explaining."""
    return dialled(uri, trunk.country, (trunk.host.partition(":")[0],))


def from_trunk(text: str, trunk: Trunk) -> str | None:
    """Read a number that the trunk wrote, as E.164 with a plus; `None` where it is none.

    Visual separators are ignored. The other formats are understood too as far as they cannot be mistaken. A
    plus is international. Digits that begin with the country's prefix are dialled there, and where that
    begins with 0 no others are.
    """
    text = without_separators(text)
    if text.startswith("+"):
        return e164(text, None) if _DIGITS.fullmatch(text[1:]) else None
    if not _DIGITS.fullmatch(text):
        return None
    international = e164(f"+{text}", None)
    if trunk.number_format == "national":
        return e164(text, trunk.country) or international
    return international or e164(text, trunk.country)


@lru_cache(maxsize=512)
def _dialled(number: str, country: str) -> str:
    """A number as it is dialled in a country; with its plus where the country has more than one way abroad."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return _NOT_DIALLED.sub("", phonenumbers.format_out_of_country_calling_number(parsed, country))
