"""The voice portal's PIN: which ones are refused (BEHAVIOUR W3), hashing, and a fresh one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from media.owners import PIN_DIGITS, PinProblem

RUNS = ("01234567890", "09876543210")
IN_WORDS = {
    PinProblem.LENGTH: f"must be exactly {PIN_DIGITS} digits in quotes",
    PinProblem.SAME_DIGIT: "is the same digit six times; choose another",
    PinProblem.RUN: "is a run of digits; choose another",
    PinProblem.OWN_NUMBER: "is the end of one of the user's own numbers; choose another",
}
"""Why a PIN in a file is refused, in words that do not repeat it."""


def pin_hasher() -> PasswordHasher:
    """Argon2id at 19 MiB and two passes, the least that OWASP's password storage sheet advises."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def pin_problem(pin: str, own_numbers: Iterable[str]) -> PinProblem | None:
    """Why this PIN is refused, or None if it is good."""
    if len(pin) != PIN_DIGITS or not pin.isascii() or not pin.isdigit():
        return PinProblem.LENGTH
    if len(set(pin)) == 1:
        return PinProblem.SAME_DIGIT
    if any(pin in run for run in RUNS):
        return PinProblem.RUN
    if any(number.endswith(pin) for number in own_numbers):
        return PinProblem.OWN_NUMBER
    return None


def generate_pin(own_numbers: Iterable[str]) -> str:
    """A random PIN that the rules allow."""
    numbers = tuple(own_numbers)
    while True:
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
        if pin_problem(pin, numbers) is None:
            return pin


def pin_matches(hasher: PasswordHasher, pin_hash: str | None, pin: str) -> bool:
    """Whether `pin` is the one behind `pin_hash`; no PIN set, or a hash that is none, matches nothing."""
    if pin_hash is None:
        return False
    try:
        return hasher.verify(pin_hash, pin)
    except (VerifyMismatchError, InvalidHashError):
        return False
