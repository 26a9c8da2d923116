"""Telephone numbers as settings hold them: E.164, extensions, the targets of redirects (BEHAVIOUR P2, D8)."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from b2bua.callplan.classes import is_allotted
from b2bua.callplan.codes import USUAL, Codes
from provisioning.company.unfit import Unfit

_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_SEPARATORS = str.maketrans("", "", " -.()")
# Public service codes (I6), the operator, call-back codes, and the prefixes of a number.
_SERVICE_CODE = re.compile(
    r"100|101|105|111|116[0-9]{3}|118[0-9]{3}|123|141|1470|1471|155|159|195|1800[12][0-9]*"
)


@lru_cache(maxsize=1024)
def parse_e164(value: str) -> str:
    """A number with its plus and country code; spaces, dots, hyphens and brackets are dropped.

    Raises Unfit for anything else, with what is allowed.
    """
    number = value.translate(_SEPARATORS)
    if not _E164.fullmatch(number):
        raise Unfit("number.form", value=value)
    if not phonenumbers.is_possible_number(phonenumbers.parse(number)):
        raise Unfit("number.length", value=value)
    if not is_allotted(number):
        raise Unfit("number.not-allotted", value=value)
    return number


def parse_target(value: str, codes: Codes = USUAL) -> str:
    """The number of a redirect: E.164, never an emergency number (D8). Raises Unfit."""
    if codes.mean_emergency(value.translate(_SEPARATORS)):
        raise Unfit("number.emergency", value=value)
    return parse_e164(value)


def parse_extension(value: str, codes: Codes = USUAL) -> str:
    """1 to 8 digits that are no emergency, access or service code (P2). Raises Unfit."""
    if not re.fullmatch(r"[0-9]{1,8}", value):
        raise Unfit("extension.form", value=value)
    if value in codes.emergency:
        raise Unfit("extension.emergency", value=value)
    if value in codes.access:
        raise Unfit("extension.access", value=value)
    if _SERVICE_CODE.fullmatch(value):
        raise Unfit("extension.service", value=value)
    return value
