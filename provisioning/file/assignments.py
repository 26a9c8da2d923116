"""Settings written as `KEY=VALUE`, with the keys of the company file: `busy.action=voicemail`, `max_calls=2`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from provisioning.company.problems import Place, Problem
from provisioning.editing.refusals import Refused
from provisioning.file.toml_table import Table
from provisioning.file.toml_text import Value

Entry = TypeVar("Entry")
Read = Callable[[Table], Entry]


class NoAssignment(ValueError):
    """It sets nothing: it is not of the form KEY=VALUE, or the key is none of these settings. The text says so."""


def assigned(
    table: Mapping[str, Value],
    assignments: Iterable[str],
    read: Read[Entry],
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> Entry:
    """The entry that `read` makes of a table in which these settings are written.

    A value is text if the setting takes that text, else TOML (`true`, `2`, `["+441632960101"]`); an empty one takes the
    setting back to its default. `elsewhere` are keys that a file may have here and that are set by other ways, each
    with what to do instead. Raises NoAssignment, and Refused with what is wrong.
    """
    changed: dict[str, Any] = dict(table)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        path = tuple(part.strip() for part in key.split("."))
        if not equals or not all(path):
            raise NoAssignment(f"{assignment}: KEY=VALUE is allowed, such as extension=201")
        if (instead := elsewhere.get(path[0])) is not None:
            raise NoAssignment(f"{path[0]} {instead}.")
        changed = _written(changed, path, text, read)
    entry, problems = _read(changed, read)
    if problems:
        raise Refused(problems)
    return entry


def _written(table: Mapping[str, Any], path: Place, text: str, read: Read[Entry]) -> dict[str, Any]:
    if not text:
        return _put(table, path, None)
    as_text = _put(table, path, text)
    if not any(problem.place[: len(path)] == path for problem in _read(as_text, read)[1]):
        return as_text
    try:
        return _put(table, path, tomllib.loads(f"value = {text}")["value"])
    except tomllib.TOMLDecodeError:
        return as_text


def _put(table: Mapping[str, Any], path: Place, value: Any) -> dict[str, Any]:
    """The table with that value at the path; without it if that is None."""
    first, rest = str(path[0]), path[1:]
    if rest:
        inner = table.get(first)
        value = _put(inner if isinstance(inner, Mapping) else {}, rest, value)
    others = {key: each for key, each in table.items() if key != first}
    return others if value is None else others | {first: value}


def _read(table: Mapping[str, Any], read: Read[Entry]) -> tuple[Entry, list[Problem]]:
    problems: list[Problem] = []
    return read(Table(table, (), problems)), problems
