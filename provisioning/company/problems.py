"""What is wrong with a setting: where it stands, which rule it breaks, and the values that the sentence needs.

A problem has no words of its own. `sentences.py` has them, and each way of editing says them in its own style: the
company file with file and line, a page beside the field, the API with a JSON pointer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OtherUser:
    """A user of the customer who is not part of what is edited."""

    name: str


Place = tuple[str | int | OtherUser, ...]
"""The way to a setting: names of settings and positions in lists. `("users", 1, "busy", "number")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that is broken at one place; `code` is a key of `sentences.SENTENCES`. Holds no secret."""

    place: Place
    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    def pointer(self) -> str:
        """The place as a JSON pointer (RFC 6901), up to where it leaves what was edited."""
        parts: list[str] = []
        for part in self.place:
            if isinstance(part, OtherUser):
                break
            parts.append("/" + str(part).replace("~", "~0").replace("/", "~1"))
        return "".join(parts)
