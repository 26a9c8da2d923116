"""Telephone numbers as settings hold them: E.164, extensions, the targets of redirects (BEHAVIOUR P2, D8)."""

from __future__ import annotations

import re

import phonenumbers

from b2bua.callplan.classes import is_allotted
from b2bua.callplan.codes import USUAL, Codes

_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_SEPARATORS = str.maketrans("", "", " -.()")
# Public service codes (I6), the operator, call-back codes, and the prefixes of a number.
_SERVICE_CODE = re.compile(
    r"100|101|105|111|116[0-9]{3}|118[0-9]{3}|123|141|1470|1471|155|159|195|1800[12][0-9]*"
)


def parse_e164(value: str) -> str:
    """A number with its plus and country code; spaces, dots, hyphens and brackets are dropped.

    Raises ValueError for anything else, with what is allowed.
    """
    number = value.translate(_SEPARATORS)
    if not _E164.fullmatch(number):
        raise ValueError('must be a number with plus and country code, such as "+441632960101"')
    if not phonenumbers.is_possible_number(phonenumbers.parse(number)):
        raise ValueError("has a length that its country does not use")
    if not is_allotted(number):
        raise ValueError("is a number that no numbering plan allots")
    return number


def parse_target(value: str, codes: Codes = USUAL) -> str:
    """The number of a redirect: E.164, never an emergency number (D8). Raises ValueError."""
    if codes.mean_emergency(value.translate(_SEPARATORS)):
        raise ValueError("is an emergency number: calls are never redirected to one")
    return parse_e164(value)


def parse_extension(value: str, codes: Codes = USUAL) -> str:
    """1 to 8 digits that are no emergency, access or service code (P2). Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,8}", value):
        raise ValueError('must be 1 to 8 digits in quotes, such as "201"')
    if value in codes.emergency:
        raise ValueError("is an emergency number; choose another extension")
    if value in codes.access:
        raise ValueError("is the access code of the voice portal; choose another extension")
    if _SERVICE_CODE.fullmatch(value):
        raise ValueError("is a service code; choose another extension")
    return value
