"""Kinds of number: what a call to one costs and who may make it (BEHAVIOUR I6, D8), what may be presented (I3)."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

CLASSES = ("internal", "national", "mobile", "international", "premium", "emergency")

# 118 is directory enquiries only as a code of six digits: 0118 followed by seven is a town.
_UK_NOT_PRESENTED = re.compile(r"\+44(9|118[0-9]{3}$|70|84|87)")
_UK_MOBILE = re.compile(r"\+447")
_PREMIUM = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER}
_NORTH_AMERICA = 1


def may_be_presented(number: str) -> bool:
    """Whether a called person may be shown this number: never UK 09, 118, 070, 084 and 087 (I3)."""
    return _UK_NOT_PRESENTED.match(number) is None


@lru_cache(maxsize=4096)
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
