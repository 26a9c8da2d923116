"""Reading one table of a TOML file into typed values, every problem collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from provisioning.file.toml_lines import KeyPath

T = TypeVar("T")
D = TypeVar("D")
Parse = Callable[[object], T]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one key of the file, and what to mend."""

    path: KeyPath
    sentence: str


class Table:
    """One table. Ask for each key it may have, then `finish` reports the keys nobody asked for."""

    def __init__(self, values: object, path: KeyPath, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self._known: list[str] = []
        self._is_table = isinstance(values, dict)
        self._values: Mapping[str, object] = values if isinstance(values, dict) else {}
        if not self._is_table:
            self.complain("must be a table of keys and values")

    def complain(self, sentence: str, *keys: str | int) -> None:
        """Note a problem of this table, or of a key in it."""
        self.problems.append(Problem((*self.path, *keys), sentence))

    def read(self, key: str, parse: Parse[T], default: T) -> T:
        """The value of `key` as `parse` makes it, or `default` if it is left out or wrong."""
        self._known.append(key)
        if key not in self._values:
            return default
        return self._parsed(self._values[key], parse, default, key)

    def need(self, key: str, parse: Parse[T], placeholder: T) -> T:
        """Like `read`, for a key that may not be left out."""
        if key not in self._values and self._is_table:
            self.complain(f'"{key}" is missing')
        return self.read(key, parse, placeholder)

    def each(self, key: str, parse: Parse[T], default: tuple[T, ...] = ()) -> tuple[T, ...]:
        """The elements of the array `key` that `parse` accepts, or `default` if it is left out."""
        array = self._array(key)
        if key not in self._values:
            return default
        parsed = (self._parsed(value, parse, None, key, index) for index, value in enumerate(array))
        return tuple(value for value in parsed if value is not None)

    def tables(self, key: str) -> Iterator[Table]:
        """Each table of the array of tables `key`; none if it is left out."""
        for index, value in enumerate(self._array(key)):
            yield Table(value, (*self.path, key, index), self.problems)

    def table(self, key: str) -> Table:
        """The table `key`; an empty one if it is left out."""
        self._known.append(key)
        return Table(self._values.get(key, {}), (*self.path, key), self.problems)

    def finish(self) -> None:
        """Report every key that was never asked for."""
        for key in self._values:
            if key not in self._known:
                near = get_close_matches(key, self._known, n=1)
                hint = (
                    f'did you mean "{near[0]}"?'
                    if near
                    else f"known here: {', '.join(dict.fromkeys(self._known))}"
                )
                self.complain(f"is not a known key; {hint}", key)

    def _array(self, key: str) -> list[object]:
        self._known.append(key)
        value = self._values.get(key, [])
        if isinstance(value, list):
            return value
        self.complain("must be a list in [ ]", key)
        return []

    def _parsed(self, value: object, parse: Parse[T], otherwise: D, *keys: str | int) -> T | D:
        try:
            return parse(value)
        except ValueError as error:
            self.complain(str(error), *keys)
            return otherwise
