"""Plain values as the text of a TOML file: tables below each other, and short ones on one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

Value = bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]
INDENT = "  "


def toml_text(document: Mapping[str, Value], inline: frozenset[str] = frozenset()) -> str:
    """The document as text that `tomllib` reads back as it was.

    A list of tables, and a table, become headings of their own; those whose key is in `inline` stay on one line.
    """
    return "\n".join(_table(document, (), inline)).strip("\n") + "\n"


def toml_value(value: Value) -> str:
    """One value on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case str():
            # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            inside = ", ".join(f"{key} = {toml_value(each)}" for key, each in value.items())
            return f"{{ {inside} }}" if inside else "{}"
    return f"[{', '.join(map(toml_value, value))}]"


def _table(table: Mapping[str, Value], path: tuple[str, ...], inline: frozenset[str]) -> Iterator[str]:
    indent = INDENT * max(len(path) - 1, 0)
    below: list[tuple[str, str, Mapping[str, Value]]] = []
    for key, value in table.items():
        if key not in inline and isinstance(value, Mapping):
            below.append(("[{}]", key, value))
        elif (
            key not in inline
            and not isinstance(value, str)
            and isinstance(value, Sequence)
            and _tables(value)
        ):
            below += [("[[{}]]", key, each) for each in value if isinstance(each, Mapping)]
        else:
            yield f"{indent}{key} = {toml_value(value)}"
    for heading, key, value in below:
        inner = (*path, key)
        yield ""
        yield INDENT * (len(inner) - 1) + heading.format(".".join(inner))
        yield from _table(value, inner, inline)


def _tables(value: Sequence[Value]) -> bool:
    return bool(value) and all(isinstance(each, Mapping) for each in value)
