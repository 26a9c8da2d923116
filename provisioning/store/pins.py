"""The voice portal's PIN as it is stored: hashed, compared, and a fresh one (BEHAVIOUR W3)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from media.owners import PIN_DIGITS
from provisioning.company.pins import pin_problem


def pin_hasher() -> PasswordHasher:
    """Argon2id at 19 MiB and two passes, the least that OWASP's password storage sheet advises."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def generate_pin(own_numbers: Iterable[str]) -> str:
    """A random PIN that the rules allow."""
    numbers = tuple(own_numbers)
    while True:
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
        if pin_problem(pin, numbers) is None:
            return pin


def hash_matches(hasher: PasswordHasher, pin_hash: str | None, pin: str) -> bool:
    """Whether `pin` is the one behind `pin_hash`; no PIN set, or a hash that is none, matches nothing."""
    if pin_hash is None:
        return False
    try:
        return hasher.verify(pin_hash, pin)
    except (VerifyMismatchError, InvalidHashError):
        return False
