"""Which PINs of the voice portal are refused (BEHAVIOUR W3)."""

from __future__ import annotations

from collections.abc import Iterable

from media.owners import PIN_DIGITS, PinProblem

RUNS = ("01234567890", "09876543210")


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
