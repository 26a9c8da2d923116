"""What was dialled: somebody here, a number elsewhere, one of the platform's or a public code, or nothing known.

Emergency codes are recognised before anything else (BEHAVIOUR E1). Then come the voice portal's access codes
(W1), service codes (I6), and the extensions of the caller's customer. Last come numbers as they are dialled
in the customer's country, where a plan allots them (D8). A user may put 141 or 1470 before any of them, to
withhold or show the number for this one call (I4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from b2bua.callplan.classes import is_allotted
from b2bua.callplan.codes import USUAL, Codes
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Customer

# RFC 3966 §5.1.1 visual separators, and the space that people type.
_SEPARATORS = str.maketrans("", "", "-.() ")
_PREFIX = re.compile(r"(141|1470)(?=[0-9+*])")
_SERVICE = re.compile(r"101|105|111|159|116[0-9]{3}|118[0-9]{3}|18001\+?[0-9]{1,32}")
_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_SHOWN = 32

WITHHOLD = "141"
"""Dialled before a number to withhold one's own; 1470 shows it."""


@dataclass(frozen=True, slots=True)
class CalledUser:
    """A user of ours; `dialled` is what reached them: an extension, or a number in E.164."""

    user: int
    dialled: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A number in E.164 that nobody here has."""

    number: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency call."""

    code: str


@dataclass(frozen=True, slots=True)
class Access:
    """The caller's own voice portal, by one of its access codes."""

    code: str


@dataclass(frozen=True, slots=True)
class ServiceCode:
    """A public service code, to be sent on unaltered."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing that the directory knows, and why not, in plain words."""

    why: str


Destination = CalledUser | Elsewhere | Emergency | Access | ServiceCode | Unknown


@dataclass(frozen=True, slots=True)
class Dialled:
    """What a caller dialled, and whether the number is withheld for this call: `None` where nothing was said."""

    destination: Destination
    withhold: bool | None = None


def dial(
    dialled: str,
    customer: Customer | None,
    numbering: Numbering,
    codes: Codes = USUAL,
) -> Dialled:
    """Find what a caller dialled.

    `dialled` is a number, an extension or a code as people type it; of a URI it is what `trunks.dialled` reads in it.
    `customer` is the caller's; a caller without one reaches the numbers of people here only, with a plus.
    """
    text = without_separators(dialled)
    prefix, bare = without_prefix(text)
    if bare in codes.emergency:
        return Dialled(Emergency(bare))
    is_extension = customer is not None and (customer.id, text) in numbering.extensions
    if not prefix or customer is None or is_extension:
        return Dialled(_find(text, dialled, customer, numbering, codes))
    return Dialled(_find(bare, dialled, customer, numbering, codes), withhold=prefix == WITHHOLD)


def without_separators(text: str) -> str:
    """A number without what only helps people to read it."""
    return text.translate(_SEPARATORS)


def without_prefix(text: str) -> tuple[str, str]:
    """The prefix 141 or 1470, empty where there is none, and what was dialled behind it."""
    prefix = _PREFIX.match(text)
    return (prefix[0], text[prefix.end() :]) if prefix else ("", text)


def is_service_code(text: str) -> bool:
    """Whether this is a public service code (I6), as it is dialled."""
    return _SERVICE.fullmatch(text) is not None


def _find(
    text: str, dialled: str, customer: Customer | None, numbering: Numbering, codes: Codes
) -> Destination:
    if customer is not None and text in codes.access:
        return Access(text)
    if is_service_code(text):
        return ServiceCode(text)
    if customer is not None and (user := numbering.extensions.get((customer.id, text))) is not None:
        return CalledUser(user, text)
    if not _NUMBER.fullmatch(text):
        shown = "".join(c for c in dialled if c.isprintable())[:_SHOWN]
        return Unknown(f"“{shown}” is neither an extension nor a telephone number")
    return _number(text, customer, numbering)


def _number(text: str, customer: Customer | None, numbering: Numbering) -> Destination:
    number = text if text in numbering.numbers else e164(text, customer.country if customer else None)
    if number is not None and (user := numbering.numbers.get(number)) is not None:
        return CalledUser(user, number)
    if customer is None:
        if number is not None:
            return Unknown(f"nobody here has the number {number}, and only users call elsewhere")
        return Unknown(f"{text} is not a telephone number in international form")
    if number is not None and is_allotted(number):
        return Elsewhere(number)
    if number is not None:
        return Unknown(f"no numbering plan allots the number {number}")
    return Unknown(f"{customer.name} has no extension {text}, and it is not a telephone number")


@lru_cache(maxsize=512)
def e164(text: str, country: str | None) -> str | None:
    """Return a number dialled in a country (ISO 3166-1 alpha-2) as E.164 with a plus, `None` if it is none.

    `text` is digits, with a plus for international form; without a country nothing else is understood.
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # A number that is possible only within its town would lose its area code: it is none here.
    possible = (
        phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    )
    if not possible or not _has_prefix(text, country):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _has_prefix(text: str, country: str | None) -> bool:
    """Refuse bare digits where national numbers begin with 0: there they are an extension or a mistake."""
    if country is None or text.startswith(("+", "0")):
        return True
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    return metadata is None or metadata.national_prefix != "0"
