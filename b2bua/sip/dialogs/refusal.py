"""Why somebody whom we called cannot be had."""

from __future__ import annotations

from typing import NamedTuple

from b2bua.sip.text.uri import Uri


class Refusal(NamedTuple):
    """Why a callee cannot be had, read before its session ends.

    `code` is 3xx to 6xx as it was answered, 408 for silence, 503 for a broken connection and 500 for an answer that
    cannot be used. `answered`: a final response came. `targets` is who is to be called instead, the best first.
    """

    code: int
    answered: bool = True
    targets: tuple[Uri, ...] = ()
