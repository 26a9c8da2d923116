"""A value that may not be saved, whatever the others are."""

from __future__ import annotations

from provisioning.company.problems import Place, Problem
from provisioning.company.sentences import say


class Unfit(ValueError):
    """Raised by whatever reads a value; whoever knows the place makes a Problem of it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def __str__(self) -> str:
        return say(self.code, self.values)

    def at(self, place: Place) -> Problem:
        """The same as a problem of this place."""
        return Problem(place, self.code, self.values)
