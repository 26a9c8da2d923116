"""A desk phone's MAC address (BEHAVIOUR H1)."""

from __future__ import annotations

import re

from provisioning.company.unfit import Unfit

_PAIRS = re.compile(r"[0-9a-f]{2}([:\-. ]?)[0-9a-f]{2}(\1[0-9a-f]{2}){4}")
_DOTTED = re.compile(r"[0-9a-f]{4}([.\-:])[0-9a-f]{4}\1[0-9a-f]{4}")
_MULTICAST = 0x01


def parse_mac(value: str) -> str:
    """12 lower-case hex digits from any usual notation: 00:15:65:aa:bb:cc, 0015.65aa.bbcc, 001565aabbcc, ….

    Raises Unfit for anything else, for the all-zero address and for a multicast one.
    """
    text = value.strip().lower()
    if not _PAIRS.fullmatch(text) and not _DOTTED.fullmatch(text):
        raise Unfit("mac.form", value=value)
    mac = re.sub(r"[^0-9a-f]", "", text)
    if mac == "0" * 12:
        raise Unfit("mac.zero", value=value)
    if int(mac[:2], 16) & _MULTICAST:
        raise Unfit("mac.multicast", value=value)
    return mac
