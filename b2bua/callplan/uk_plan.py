"""The United Kingdom's numbering plan: which numbers after +44 it allots, to what use and to which territory.

The structure is Ofcom's National Telephone Numbering Plan: area codes, ranges of services, and how many digits follow
them. Single blocks within an area code or range are not looked at: which of them are in use changes by the week. Its
numbers for drama are numbers like others. Jersey, Guernsey and the Isle of Man share +44 and have tariffs of their own.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple


class RangeUse(Enum):
    """What a range is for; that decides what a call costs."""

    GEOGRAPHIC = "geographic"  # 01, 02
    WIDE = "UK-wide"  # 03, charged like 01 and 02
    CORPORATE = "corporate"  # 055, 056: no service charge
    MOBILE = "mobile"  # 071 to 075, 077 to 079
    PERSONAL = "personal"  # 070
    PAGER = "pager"  # 076
    FREE = "freephone"  # 080
    SERVICE_CHARGE = "service charge"  # 084, 087
    PREMIUM = "premium rate"  # 09
    DIRECTORY = "directory enquiries"  # 118xxx


class Range(NamedTuple):
    """A range of national numbers: its use, the lengths of its numbers in digits, and its territory."""

    use: RangeUse
    lengths: tuple[int, ...] = (10,)
    territory: str = "GB"


# The area codes of four digits, by their first two: 01200, 01202, …
_AREAS = {
    "12": "00 02 04 05 06 07 08 09 23 24 25 26 27 28 29 33 34 35 36 37 39 41 42 43 44 45 46 48 49 50 52 53 54"
    " 55 56 57 58 59 60 61 62 63 64 67 68 69 70 71 73 74 75 76 77 78 79 80 82 83 84 85 86 87 88 89 90 91"
    " 92 93 94 95 96 97 98 99",
    "13": "00 01 02 03 04 05 06 07 08 09 20 22 23 24 25 26 27 28 29 30 32 33 34 35 37 39 40 41 42 43 44 46 47"
    " 48 49 50 52 53 54 55 56 57 58 59 60 61 62 63 64 66 67 68 69 71 72 73 75 76 77 79 80 81 82 83 84 86"
    " 87 88 89 92 93 94 95 97 98",
    "14": "00 03 04 05 06 07 08 09 20 22 23 24 25 27 28 29 30 31 32 33 34 35 36 37 38 39 40 42 43 44 45 46 49"
    " 50 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 67 69 70 71 72 73 74 75 76 77 78 79 80 82 83 84 85"
    " 87 88 89 90 91 92 93 94 95 96 97 99",
    "15": "01 02 03 05 06 07 08 09 20 22 24 25 26 27 28 29 30 31 35 36 38 39 40 42 43 44 45 46 47 48 49 50 53"
    " 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 75 76 77 78 79 80 81 82 83 84 86 88 90"
    " 91 92 93 94 95 97 98 99",
    "16": "00 03 04 06 08 09 20 21 22 23 25 26 28 29 30 31 32 33 34 35 36 37 38 39 41 42 43 44 46 47 50 51 52"
    " 53 54 55 56 59 61 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 80 81 83 84 85 86 87 88 89 90 91"
    " 92 94 95 97 98",
    "17": "00 02 04 06 07 08 09 20 21 22 23 24 25 26 27 28 29 30 32 33 36 37 38 40 43 44 45 46 47 48 49 50 51"
    " 52 53 54 56 57 58 59 60 61 63 64 65 66 67 68 69 70 71 72 73 75 76 77 78 79 80 82 84 85 86 87 88 89"
    " 90 92 93 94 95 96 97 98 99",
    "18": "03 05 06 07 08 09 21 22 23 24 25 27 28 29 30 32 33 34 35 37 38 40 41 42 43 44 45 47 48 51 52 54 55"
    " 56 57 58 59 62 63 64 65 66 69 70 71 72 73 74 75 76 77 78 79 80 82 83 84 85 86 87 88 89 90 92 95 96"
    " 99",
    "19": "00 02 03 04 05 08 09 20 22 23 24 25 26 28 29 31 32 33 34 35 37 38 39 42 43 44 45 46 47 48 49 50 51"
    " 52 53 54 55 57 59 62 63 64 67 68 69 70 71 72 74 75 77 78 80 81 82 83 84 85 86 87 88 89 92 93 94 95"
    " 97",
}
# Areas where some numbers have a digit less.
_SHORT_AREAS = (
    "1204 1208 1254 1276 1297 1298 1363 1364 1384 1386 1404 1420 1460 1461 1480 1488 1524 1527 1562 1566 1606 1629 1635"
    " 1647 1659 1695 1697 1726 1744 1750 1768 1827 1837 1884 1900 1905 1935 1946 1949 1963 1995"
)
_LARGE_AREAS = "113 114 115 116 117 118 121 131 141 151 161 191 20 23 24 28 29"
_ISLANDS = {
    "JE": ("1534", "7509 77003 77007 77008 7797 7829 7937"),
    "GG": ("1481", "7781 7839 79111 79117"),
    "IM": ("1624", "74576 7524 7624 7924"),
}
_SERVICES = {
    "30 33 34 37": Range(RangeUse.WIDE),
    "55 56": Range(RangeUse.CORPORATE),
    "70": Range(RangeUse.PERSONAL),
    "71 72 73 74 75 77 78 79": Range(RangeUse.MOBILE),
    "76": Range(RangeUse.PAGER),
    "800": Range(RangeUse.FREE, (9, 10)),
    "8001111": Range(RangeUse.FREE, (7, 9, 10)),
    "808": Range(RangeUse.FREE),
    "842 843 844 845 870 871 872 873": Range(RangeUse.SERVICE_CHARGE),
    "90 91 98": Range(RangeUse.PREMIUM),
}


def _ranges() -> dict[str, Range]:
    found: dict[str, Range] = {}
    for start, ends in _AREAS.items():
        found |= {start + end: Range(RangeUse.GEOGRAPHIC) for end in ends.split()}
    found |= {area: Range(RangeUse.GEOGRAPHIC, (9, 10)) for area in _SHORT_AREAS.split()}
    found |= {area: Range(RangeUse.GEOGRAPHIC) for area in _LARGE_AREAS.split()}
    for starts, each in _SERVICES.items():
        found |= dict.fromkeys(starts.split(), each)
    for territory, (area, mobiles) in _ISLANDS.items():
        found[area] = Range(RangeUse.GEOGRAPHIC, territory=territory)
        found |= {start: Range(RangeUse.MOBILE, territory=territory) for start in mobiles.split()}
    return found


_RANGES = _ranges()
_LONGEST = max(map(len, _RANGES))
_DIRECTORY = Range(RangeUse.DIRECTORY, (6,))


@lru_cache(maxsize=512)
def range_of(number: str) -> Range | None:
    """The range that allots a number, E.164 with +44; `None` where none does.

    An access code of directory enquiries counts as one with its six digits: 0118 followed by seven is a town.
    """
    national = number.removeprefix("+44")
    if national.startswith("118") and len(national) == 6:
        return _DIRECTORY
    for length in range(min(_LONGEST, len(national)), 1, -1):
        found = _RANGES.get(national[:length])
        if found is not None:
            return found if len(national) in found.lengths else None
    return None
