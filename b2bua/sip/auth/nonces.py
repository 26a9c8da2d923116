"""The nonces of digest authentication (RFC 7616 §5.4): signed instead of stored, and each count taken once.

A nonce carries its time of issue, a serial number and a signature, BLAKE2s with a key (RFC 7693). Only one that a
client has used with the right password costs memory, for its nonce counts.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2s

_SIGNATURE_BYTES = 15
_WINDOW = 64  # how far a nonce count may lag behind the highest one seen and still be taken, once


class Nonces:
    """Issues nonces and takes them back.

    `lifetime` is in seconds, and so is `now`, of a monotonic clock. At most `limit` nonces are tracked; the
    oldest are forgotten, and with them all that were issued before, so that none of them can be replayed.
    """

    def __init__(self, key: bytes, lifetime: float, limit: int) -> None:
        self._key = key
        self._lifetime_ms = int(lifetime * 1000)
        self._limit = limit
        self._serial = 0
        self._forgotten = 0  # no nonce up to this serial is taken, unless it is still tracked
        self._used: dict[int, _Counts] = {}

    def __len__(self) -> int:
        return len(self._used)

    def issue(self, now: float) -> str:
        """Return a nonce that was never issued before: 36 characters that need no escape."""
        self._serial += 1
        stamp = int(now * 1000).to_bytes(7, "big") + self._serial.to_bytes(5, "big")
        return urlsafe_b64encode(stamp + self._signature(stamp)).decode("ascii")

    def take(self, nonce: str, count: int, now: float) -> bool:
        """Say whether a nonce is one of ours, young enough, and its count new; the count is then used up."""
        try:
            token = urlsafe_b64decode(nonce.encode("ascii"))
        except ValueError:
            return False
        stamp, signature = token[:12], token[12:]
        if not hmac.compare_digest(signature, self._signature(stamp)):
            return False
        dead = int(now * 1000) - self._lifetime_ms
        issued, serial = int.from_bytes(stamp[:7], "big"), int.from_bytes(stamp[7:], "big")
        if issued < dead:
            return False
        counts = self._used.get(serial)
        if counts is None:
            if serial <= self._forgotten:
                return False
            self._forget(dead)
            counts = self._used[serial] = _Counts(issued)
        return counts.take(count)

    def _signature(self, stamp: bytes) -> bytes:
        # An HMAC by OpenSSL takes 20 µs, most of a digest's check; this takes one.
        return blake2s(stamp, digest_size=_SIGNATURE_BYTES, key=self._key).digest()

    def _forget(self, dead: int) -> None:
        """Drop nonces from before `dead` (ms), and while too many are left those first used longest ago."""
        while self._used:
            serial, counts = next(iter(self._used.items()))
            if counts.issued >= dead and len(self._used) < self._limit:
                return
            del self._used[serial]
            self._forgotten = max(self._forgotten, serial)


class _Counts:
    """The counts seen with one nonce: the highest, and a bitmap of the ones just below it."""

    __slots__ = ("_highest", "_seen", "issued")

    def __init__(self, issued: int) -> None:
        self.issued = issued  # ms
        self._highest = 0
        self._seen = 1  # bit n stands for the count `highest - n`; count 0 is never valid

    def take(self, count: int) -> bool:
        """Take a count that was not seen before; those out of order only while they are in the window."""
        ahead = count - self._highest
        if ahead > 0:
            shifted = self._seen << ahead if ahead < _WINDOW else 0
            self._seen = (shifted | 1) & ((1 << _WINDOW) - 1)
            self._highest = count
            return True
        bit = 1 << -ahead
        if -ahead >= _WINDOW or self._seen & bit:
            return False
        self._seen |= bit
        return True
