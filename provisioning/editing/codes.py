"""One-time codes of a second factor (RFC 6238): six digits, a new one every 30 seconds."""

from __future__ import annotations

from datetime import UTC, datetime

import pyotp

STEP = 30
DRIFT = 1
"""Steps that a person's clock may be off by."""


def fits(secret: str) -> bool:
    """Whether codes can be made of the secret: base32 (RFC 4648), 112 bits at least (NIST SP 800-63B)."""
    try:
        pyotp.TOTP(secret)
    except ValueError:
        return False
    return True


def step_of(secret: str, code: str, now: datetime, last: int | None) -> int | None:
    """The step of time whose code this is; None if it is wrong, or of a step not after the `last` that was used."""
    current = int(now.timestamp()) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        if pyotp.TOTP(secret, interval=STEP).verify(code, for_time=datetime.fromtimestamp(step * STEP, UTC)):
            return None if last is not None and step <= last else step
    return None
