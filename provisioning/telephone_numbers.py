"""Telephone numbers as settings hold them: E.164, extensions, the targets of redirects (BEHAVIOUR P2, D8)."""

from __future__ import annotations

import re

import phonenumbers

from b2bua.callplan.emergency import EMERGENCY_CODES, means_emergency

_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_SEPARATORS = str.maketrans("", "", " -.()")
# Public service codes (I6), the operator, call-back codes, and the platform's own access and prefix codes.
_SERVICE_CODE = re.compile(
    r"100|101|105|111|116[0-9]{3}|118[0-9]{3}|123|141|1470|1471|1571|155|159|195|1800[12][0-9]*"
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
    return number


def parse_target(value: str, emergency_codes: frozenset[str] = EMERGENCY_CODES) -> str:
    """The number of a redirect: E.164, never an emergency number (D8). Raises ValueError."""
    if means_emergency(value.translate(_SEPARATORS), emergency_codes):
        raise ValueError("is an emergency number: calls are never redirected to one")
    return parse_e164(value)


def parse_extension(value: str, emergency_codes: frozenset[str] = EMERGENCY_CODES) -> str:
    """1 to 8 digits that are no emergency or service code (P2). Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,8}", value):
        raise ValueError('must be 1 to 8 digits in quotes, such as "201"')
    if value in emergency_codes:
        raise ValueError("is an emergency number; choose another extension")
    if _SERVICE_CODE.fullmatch(value):
        raise ValueError("is a service code; choose another extension")
    return value
