"""What is written is read back as it was."""

from __future__ import annotations

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from provisioning.file.toml_text import Value, toml_text

PLAIN = st.booleans() | st.integers(-9, 9) | st.floats(0, 99) | st.text(st.characters(codec="utf-8"))
KEYS = st.text("abc_-1", min_size=1)
INLINE = st.dictionaries(KEYS, PLAIN, max_size=2)
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.lists(INLINE, max_size=2) | INLINE
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3),
    lambda tables: st.dictionaries(
        KEYS, VALUES | tables | st.lists(tables, min_size=1, max_size=2), max_size=3
    ),
    max_leaves=6,
)


@example({"a": '\x7f\\"\n\U0001f600'}, set())
@given(TABLES, st.sets(KEYS, max_size=2))
def test_every_document_comes_back(document: dict[str, Value], inline: set[str]) -> None:
    assert tomllib.loads(toml_text(document, frozenset(inline))) == document


def test_it_looks_as_written_by_hand() -> None:
    document: dict[str, Value] = {
        "at": 1.5,
        "below": {"on": True, "list": [{"a": 'say "x"\\'}, {"a": 2.0}]},
        "short": {"a": ["x"]},
    }
    assert toml_text(document, frozenset({"short"})).splitlines() == [
        "at = 1.5",
        'short = { a = ["x"] }',
        "",
        "[below]",
        "on = true",
        "",
        "  [[below.list]]",
        r'  a = "say \"x\"\\"',
        "",
        "  [[below.list]]",
        "  a = 2",
    ]
