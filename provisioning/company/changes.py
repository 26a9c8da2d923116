"""What an edit would do or did, to be shown to a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SIGNS = {"add": "+", "change": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Change:
    """One customer, user or trunk that is added, changed or deleted, with what changes in it."""

    kind: Literal["add", "change", "delete"]
    subject: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{SIGNS[self.kind]} {self.subject}", *(f"    {detail}" for detail in self.details)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Changes:
    """All of them, in the order of what was edited, and notes for a person to read. False if nothing changes."""

    items: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    takes_back: tuple[str, ...] = ()
    """What was changed elsewhere, by whom and when, and would be undone (P9)."""

    def __bool__(self) -> bool:
        return bool(self.items)

    def __str__(self) -> str:
        """Many lines, without a newline at the end."""
        lines = [str(item) for item in self.items] or ["Nothing changes."]
        lines += [f"Takes back: {change}" for change in self.takes_back]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


@dataclass(frozen=True, slots=True)
class Generated:
    """A secret that was made because the edit left it out. Print it once: it is not shown again."""

    kind: Literal["soft client password", "voice portal PIN", "trunk password"]
    owner: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an edit did; `settings_version` is that of the database afterwards."""

    changes: Changes
    generated: tuple[Generated, ...]
    settings_version: int
    in_force: bool = False
    """Whether call handling follows already."""
