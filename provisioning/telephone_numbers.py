"""Telephone numbers as settings hold them: E.164, extensions, presentation numbers, the targets of redirects.

BEHAVIOUR P2, D8, I3 and I6.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType

from b2bua.callplan.dialling import EMERGENCY_CODES

CLASSES = ("internal", "national", "mobile", "international", "premium", "emergency")

_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_SEPARATORS = str.maketrans("", "", " -.()")
# Public service codes (I6), the operator, call-back codes, and the platform's own access and prefix codes.
_SERVICE_CODE = re.compile(
    r"100|101|105|111|116[0-9]{3}|118[0-9]{3}|123|141|1470|1471|1571|155|159|195|1800[12][0-9]*"
)
# 118 is directory enquiries only as a code of six digits: 0118 followed by seven is a town.
_UK_NOT_PRESENTED = re.compile(r"\+44(9|118[0-9]{3}$|70|84|87)")
_UK_MOBILE = re.compile(r"\+447")
_PREMIUM = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER}
_NORTH_AMERICA = 1


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


def parse_target(value: str) -> str:
    """The number of a redirect: E.164, never an emergency number (D8). Raises ValueError."""
    digits = value.translate(_SEPARATORS)
    country_code = re.compile(r"\+[0-9]{1,3}?(" + "|".join(sorted(EMERGENCY_CODES)) + ")")
    if digits in EMERGENCY_CODES or country_code.fullmatch(digits):
        raise ValueError("is an emergency number: calls are never redirected to one")
    return parse_e164(value)


def parse_extension(value: str) -> str:
    """1 to 8 digits that are no emergency or service code (P2). Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,8}", value):
        raise ValueError('must be 1 to 8 digits in quotes, such as "201"')
    if value in EMERGENCY_CODES:
        raise ValueError("is an emergency number; choose another extension")
    if _SERVICE_CODE.fullmatch(value):
        raise ValueError("is a service code; choose another extension")
    return value


def may_be_presented(number: str) -> bool:
    """Whether a called person may be shown this number: never UK 09, 118, 070, 084 and 087 (I3)."""
    return _UK_NOT_PRESENTED.match(number) is None


def destination_class(number: str, country: str) -> str:
    """`national`, `mobile`, `international` or `premium`, as seen from `country` (ISO 3166-1 alpha-2)."""
    parsed = phonenumbers.parse(number)
    if parsed.country_code != phonenumbers.country_code_for_region(country):
        return "international"
    region = phonenumbers.region_code_for_number(parsed)
    if parsed.country_code == _NORTH_AMERICA and region not in (None, country):
        return "international"
    kind = phonenumbers.number_type(parsed)
    if kind in _PREMIUM or not may_be_presented(number):
        return "premium"
    if kind == PhoneNumberType.MOBILE or _UK_MOBILE.match(number):
        return "mobile"
    return "national"
