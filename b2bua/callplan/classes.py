"""Kinds of number: which there are (BEHAVIOUR D8), what a call costs and who may make it (I6), what is shown (I3)."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

from b2bua.callplan import uk_plan
from b2bua.callplan.uk_plan import RangeUse

CLASSES = ("internal", "national", "mobile", "international", "premium", "emergency")

_UK = "+44"
_UK_TERRITORIES = {"GB", "GG", "IM", "JE"}
_UK_PREMIUM = {
    RangeUse.PERSONAL,
    RangeUse.PAGER,
    RangeUse.SERVICE_CHARGE,
    RangeUse.PREMIUM,
    RangeUse.DIRECTORY,
}
_UK_NOT_PRESENTED = ("+4470", "+4484", "+4487", "+449")
_PREMIUM = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER}
# Satellites (870, 881, 882, 883) and international premium rate (979): no country, and the highest tariffs.
_COSTLY_CODES = {870, 881, 882, 883, 979}
_NORTH_AMERICA = 1


@lru_cache(maxsize=512)
def is_allotted(number: str) -> bool:
    """Whether the numbering plan of its country allots a number, E.164 with a plus (D8).

    For +44 that is Ofcom's plan (`uk_plan.py`), for others what the phonenumbers library knows of theirs.
    """
    if number.startswith(_UK):
        return uk_plan.range_of(number) is not None
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def may_be_presented(number: str) -> bool:
    """Whether a called person may be shown this number: never UK 09, 118, 070, 084 and 087 (I3)."""
    if number.startswith(_UK_NOT_PRESENTED):
        return False
    # 118 is directory enquiries only as a code of six digits: 0118 followed by seven is a town.
    return not (number.startswith(_UK) and is_directory_code(number.removeprefix(_UK)))


def is_directory_code(code: str) -> bool:
    """Whether this is one of the UK's directory enquiries, 118xxx, as it is dialled."""
    return len(code) == 6 and code.startswith("118") and code.isdecimal()


@lru_cache(maxsize=512)
def destination_class(number: str, country: str) -> str:
    """`national`, `mobile`, `international` or `premium`, as seen from `country` (ISO 3166-1 alpha-2).

    The class follows what a call costs. Jersey, Guernsey and the Isle of Man are abroad for the rest of +44,
    and for each other. They are no part of what is called national tariffs, their mobiles least of all. What
    is premium is so from everywhere. Raises NumberParseException for what is no E.164 number.
    """
    if number.startswith(_UK):
        return _uk_class(number, country)
    parsed = phonenumbers.parse(number)
    code, kind = parsed.country_code, phonenumbers.number_type(parsed)
    if code in _COSTLY_CODES or kind == PhoneNumberType.PREMIUM_RATE:
        return "premium"
    if code != phonenumbers.country_code_for_region(country):
        return "international"
    if code == _NORTH_AMERICA and phonenumbers.region_code_for_number(parsed) not in (None, country):
        return "international"
    if kind in _PREMIUM:
        return "premium"
    return "mobile" if kind == PhoneNumberType.MOBILE else "national"


def _uk_class(number: str, country: str) -> str:
    allotted = uk_plan.range_of(number)
    if allotted is None or allotted.use in _UK_PREMIUM:
        return "premium"
    home = country in _UK_TERRITORIES
    everywhere = allotted.use not in (RangeUse.GEOGRAPHIC, RangeUse.MOBILE)
    if not home or (allotted.territory != country and not everywhere):
        return "international"
    return "mobile" if allotted.use is RangeUse.MOBILE else "national"
