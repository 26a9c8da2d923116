"""The codes that mean something on this platform wherever they are dialled (BEHAVIOUR E1, D8, W1)."""

from __future__ import annotations

from dataclasses import dataclass

EMERGENCY_CODES = frozenset({"999", "112", "18000"})
"""Those that are always known; a platform may have more."""
ACCESS_CODES = frozenset({"1571", "*1571"})
"""Those of a platform that names no others."""


@dataclass(frozen=True, slots=True)
class Codes:
    """`emergency` is dialled for help, in digits; `access` leads users to their own voice portal, in digits that
    may have a star before them."""

    emergency: frozenset[str] = EMERGENCY_CODES
    access: frozenset[str] = ACCESS_CODES

    def mean_emergency(self, digits: str) -> bool:
        """Whether digits are an emergency number, with a country code before it or without (`999`, `+44999`)."""
        return digits in self.emergency or any(
            digits.startswith("+") and digits.endswith(code) and 1 <= len(digits) - len(code) - 1 <= 3
            for code in self.emergency
        )


USUAL = Codes()
"""What holds where nothing else is said."""
