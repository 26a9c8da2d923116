"""The one error that anything from the wire may raise inside the SIP core."""

from __future__ import annotations


class BadMessage(ValueError):
    """A message, or a part of one, that cannot be used.

    `code` is the response it deserves (RFC 3261 §8.2), or 0 where nothing can be answered at all. `headers` go
    into that response: names and values.
    """

    def __init__(self, code: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = headers
