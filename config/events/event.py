"""What is said of an event of the log."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["debug", "info", "warning", "error"]


class Event(NamedTuple):
    """One entry: the level it is always written at, what it means, and the fields beyond the common ones."""

    name: str
    level: Level
    meaning: str
    fields: tuple[str, ...] = ()
