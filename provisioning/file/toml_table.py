"""Reading one table of a TOML file into typed values, every problem collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING
from difflib import get_close_matches
from typing import Any, TypeVar

from b2bua.callplan.codes import Codes
from provisioning.company.problems import Place, Problem
from provisioning.company.setting import defaults_of, settings_of
from provisioning.company.unfit import Unfit

T = TypeVar("T")
D = TypeVar("D")
Parse = Callable[[object], T]


class Table:
    """One table. Ask for each key it may have, then `finish` reports the keys nobody asked for."""

    def __init__(self, values: object, place: Place, problems: list[Problem]) -> None:
        self.place = place
        self.problems = problems
        self._known: list[str] = []
        self._is_table = isinstance(values, dict)
        self._values: Mapping[str, object] = values if isinstance(values, dict) else {}
        if not self._is_table:
            self.complain("table.kind")

    def complain(self, code: str, *keys: str | int, **values: object) -> None:
        """Note a problem of this table, or of a key in it."""
        self.problems.append(Problem((*self.place, *keys), code, values))

    def has(self, key: str) -> bool:
        """Whether the table has this key."""
        return key in self._values

    def read(self, key: str, parse: Parse[T], default: T) -> T:
        """The value of `key` as `parse` makes it, or `default` if it is left out or wrong."""
        self._known.append(key)
        if key not in self._values:
            return default
        return self._parsed(self._values[key], parse, default, key)

    def need(self, key: str, parse: Parse[T], placeholder: T) -> T:
        """Like `read`, for a key that may not be left out."""
        if key not in self._values and self._is_table:
            self.complain("key.missing", key=key)
        return self.read(key, parse, placeholder)

    def each(self, key: str, parse: Parse[T], default: tuple[T, ...] = ()) -> tuple[T, ...]:
        """The elements of the array `key` that `parse` accepts, or `default` if it is left out."""
        array = self._array(key)
        if key not in self._values:
            return default
        parsed = (self._parsed(value, parse, None, key, index) for index, value in enumerate(array))
        return tuple(value for value in parsed if value is not None)

    def settings(self, kind: type[Any], codes: Codes, *others: str, default: object = None) -> dict[str, Any]:
        """The plain settings of an entry's class, by field; without `others` and those that are tables of their own.

        What is left out is as in `default`, or as the class has it.
        """
        values: dict[str, Any] = {}
        usual = defaults_of(kind)
        for name, setting in settings_of(kind).items():
            read, key = setting.reader(codes), setting.key or name
            if read is None or name in others:
                continue
            left_out = usual[name] if default is None else getattr(default, name)
            if setting.each:
                values[name] = self.each(key, read, left_out)
            elif left_out is MISSING:
                values[name] = self.need(key, read, "")
            else:
                values[name] = self.read(key, read, left_out)
        return values

    def tables(self, key: str) -> Iterator[Table]:
        """Each table of the array of tables `key`; none if it is left out."""
        for index, value in enumerate(self._array(key)):
            yield Table(value, (*self.place, key, index), self.problems)

    def table(self, key: str) -> Table:
        """The table `key`; an empty one if it is left out."""
        self._known.append(key)
        return Table(self._values.get(key, {}), (*self.place, key), self.problems)

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
                self.complain("key.unknown", key, hint=hint)

    def _array(self, key: str) -> list[object]:
        self._known.append(key)
        value = self._values.get(key, [])
        if isinstance(value, list):
            return value
        self.complain("list.kind", key)
        return []

    def _parsed(self, value: object, parse: Parse[T], otherwise: D, *keys: str | int) -> T | D:
        try:
            return parse(value)
        except Unfit as unfit:
            self.problems.append(unfit.at((*self.place, *keys)))
            return otherwise
