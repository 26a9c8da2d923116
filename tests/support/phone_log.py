"""The SIP messages in the log of a real phone."""

from __future__ import annotations

import re
from pathlib import Path

_RESPONSE = re.compile(r"^SIP/2\.0 (\d{3}) [^\n]*\n(.*?\n)\r?\n", re.DOTALL | re.MULTILINE)
_INVITE = re.compile(r"^CSeq:\s*\d+\s+INVITE\s*$", re.MULTILINE | re.IGNORECASE)
_LENGTH = re.compile(r"^(?:Content-Length|l):\s*(\d+)", re.MULTILINE | re.IGNORECASE)
UNTOLD = (100, 401, 407)
"""Responses that say nothing about the call: a person does not notice them."""


def answers_to_invite(log: Path) -> list[tuple[int, str]]:
    """The responses to INVITEs that stand in a log, in order: code and SDP, empty where there is none."""
    text = log.read_bytes().decode("ascii", "replace")
    answers = []
    for match in _RESPONSE.finditer(text):
        code, head = int(match[1]), match[2]
        length = _LENGTH.search(head)
        if _INVITE.search(head) and code not in UNTOLD:
            answers.append((code, text[match.end() : match.end() + int(length[1])] if length else ""))
    return answers
