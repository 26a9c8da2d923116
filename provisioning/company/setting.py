"""What is known of a setting, in one place: its words, how it is read, where it is kept, who may change it.

The entries (`entries.py`) are tables of these: every field is annotated with its Setting, and the company file, the
rows of the database, the words of a change and access are made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum, IntEnum, auto
from functools import cache
from typing import Any, get_type_hints

from b2bua.callplan.codes import Codes

NONE = "none"
"""What there is not, in words."""


class By(IntEnum):
    """The least who may change a setting; whoever comes later may too."""

    USER = 1
    ADMINISTRATOR = 2
    PARTNER = 3


class Area(Enum):
    """What the partner's switches are about (P8)."""

    NOTIFICATIONS = auto()
    DEVICES = auto()
    PROFILE = auto()
    NUMBERS = auto()


def plain(value: Any) -> str:
    """A value as it is, or that there is none."""
    return NONE if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of an entry."""

    label: str
    """What the portal calls it; empty for a secret, which is told apart."""
    parse: Callable[[Any], Any] | None = None
    """Reads one value, or each of a list; raises Unfit. None for what is a table of its own."""
    show: Callable[[Any], str] = plain
    """The value in words."""
    by: By = By.ADMINISTRATOR
    each: bool = False
    """Whether the value is a list that is read one by one."""
    column: bool = True
    """Whether a column of the same name keeps it as it is."""
    key: str = ""
    """Its key in files, where that is another than the field's name."""
    coded: Callable[[Any, Codes], Any] | None = None
    """In place of `parse` where the platform's own codes decide."""

    area: Area | None = None
    """Which switch of the partner it hangs on, besides `by`."""

    def reader(self, codes: Codes) -> Callable[[Any], Any] | None:
        """How it is read on a platform with these codes."""
        coded = self.coded
        return self.parse if coded is None else lambda value: coded(value, codes)


def settings_of(kind: type[Any]) -> Mapping[str, Setting]:
    """The settings of an entry's class, by field, in the order of the portal."""
    known: Any = kind
    return _settings(known)


@cache
def _settings(kind: Any) -> Mapping[str, Setting]:
    return {
        name: note
        for name, hint in get_type_hints(kind, include_extras=True).items()
        for note in getattr(hint, "__metadata__", ())
        if isinstance(note, Setting)
    }


def defaults_of(kind: type[Any]) -> Mapping[str, Any]:
    """What each field of an entry's class is by default; MISSING for what is needed."""
    known: Any = kind
    return _defaults(known)


@cache
def _defaults(kind: Any) -> Mapping[str, Any]:
    return {field.name: field.default for field in fields(kind)}


def columns_of(kind: type[Any]) -> tuple[str, ...]:
    """The fields that columns of the same name keep."""
    return tuple(name for name, setting in settings_of(kind).items() if setting.column)


def entry_words(entry: Any) -> dict[str, str]:
    """All settings of an entry but its secrets, by the portal's labels, in the order of its tabs."""
    return {
        setting.label: setting.show(getattr(entry, name))
        for name, setting in settings_of(type(entry)).items()
        if setting.label
    }
