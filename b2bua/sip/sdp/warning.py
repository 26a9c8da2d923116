"""Why a description of sound is refused, in words that telephones show (RFC 3261 §20.43)."""

from __future__ import annotations

from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage

AGENT = "ringplan"  # a pseudonym, as the RFC allows: addresses of ours say nothing here
NO_SOUND, NO_CODEC, OTHER = 304, 305, 399


def unacceptable(code: int, why: str) -> BadMessage:
    """The refusal (488) of a description, with a warn-code and what is wrong with it."""
    return BadMessage(488, "Not Acceptable Here", (_warning(code, why),))


def warned(code: int, headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The headers of a response with this status code: a 488 that does not say why gets the general warning."""
    if code != 488 or any(name == "Warning" for name, _ in headers):
        return headers
    return (*headers, _warning(OTHER, "This sound is not accepted here"))


def _warning(code: int, why: str) -> Header:
    return "Warning", f'{code} {AGENT} "{why}"'
