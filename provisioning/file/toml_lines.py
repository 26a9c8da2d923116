"""On which line of a TOML file each key stands, which `tomllib` does not tell.

The text is known to be valid TOML (tomllib has read it), so this only follows its structure: headers,
keys, strings, arrays and inline tables (TOML 1.0). Keys are paths:
`("customers", 0, "users", 1, "extension")`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from provisioning.company.problems import Place

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LITERAL_STRING = re.compile(r"'[^']*'")
_LONG_BASIC_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL)
_LONG_LITERAL_STRING = re.compile(r"'''.*?'{3,5}", re.DOTALL)
_PLAIN_VALUE = re.compile(r"[^,\]}#\r\n]+")
_STRINGS = (_LONG_BASIC_STRING, _LONG_LITERAL_STRING, _BASIC_STRING, _LITERAL_STRING)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[Place, int]:
    """The line, from 1, of every table, key and array element. `text` must be valid TOML."""
    return _Scanner(text).scan()


def line_of(lines: Mapping[Place, int], path: Place) -> int:
    """The line of `path`, or of the nearest table around it; 1 if there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scanner:
    """Walks the text once; `at` is the offset that is read next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Place, int] = {}
        self.sizes: dict[Place, int] = {}
        self._line, self._counted = 1, 0

    def scan(self) -> dict[Place, int]:
        table: Place = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._take("[["):
                table = self._header(self._key(), new_element=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(self._key(), new_element=False)
                self._take("]")
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.lines

    def _header(self, key: tuple[str, ...], *, new_element: bool) -> Place:
        """The path that a header names: inside arrays of tables it means their latest element."""
        path: Place = ()
        for depth, part in enumerate(key):
            path += (part,)
            last = depth == len(key) - 1
            if last and new_element:
                self.sizes[path] = self.sizes.get(path, 0) + 1
            self.lines.setdefault(path, self._here())
            if path in self.sizes:
                path += (self.sizes[path] - 1,)
                self.lines.setdefault(path, self._here())
        return path

    def _pair(self, table: Place) -> None:
        line = self._here()
        path = table
        for part in self._key():
            path += (part,)
            self.lines.setdefault(path, line)
        self._take("=")
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Place) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        elif not any(self._skip(string) for string in _STRINGS):
            self._skip(_PLAIN_VALUE)

    def _array(self, path: Place) -> None:
        index = 0
        self._skip(_BLANK)
        while not self._take("]"):
            self.lines[(*path, index)] = self._here()
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _inline_table(self, path: Place) -> None:
        self._skip(_BLANK)
        while not self._take("}"):
            self._pair(path)
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            parts.append(self._key_part())
            self._skip(_SPACE)
            if not self._take("."):
                return tuple(parts)

    def _key_part(self) -> str:
        if bare := self._skip(_BARE_KEY):
            return bare
        if literal := self._skip(_LITERAL_STRING):
            return literal[1:-1]
        return _ESCAPE.sub(_unescaped, self._skip(_BASIC_STRING)[1:-1])

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()

    def _here(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line


def _unescaped(found: re.Match[str]) -> str:
    short, long, other = found.groups()
    return chr(int(short or long, 16)) if other is None else _ESCAPED.get(other, other)
