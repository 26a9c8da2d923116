"""Which numbers are emergency numbers (BEHAVIOUR E1, D8)."""

from __future__ import annotations

EMERGENCY_CODES = frozenset({"999", "112", "18000"})
"""Those that are always known; a platform may have more."""


def means_emergency(digits: str, codes: frozenset[str]) -> bool:
    """Whether digits are an emergency number, with a country code before it or without (`999`, `+44999`)."""
    return digits in codes or any(
        digits.startswith("+") and digits.endswith(code) and 1 <= len(digits) - len(code) - 1 <= 3
        for code in codes
    )
