from __future__ import annotations

import tomllib

from provisioning.file.toml_lines import key_lines, line_of
from tests.provisioning.companies import EVERY_KEY


def test_every_form_of_key_has_its_line() -> None:
    text = '''\
# a comment with [brackets] and = signs
title = "[not] a = table"   # nor this: [x]
"quoted key" = 1
a.b . 'c' = { x = 1, "y z" = [2, 3] }

[table]
long = """
key = "inside a string"
\\""" still ""four quotes""""
literal = \'\'\'
it''s [[not]] a table\'\'\'
list = [
  "one", # ]
  { deep = [
    1,
    2,
  ] },
]
date = 1979-05-27 07:32:00
[table.sub]
k = 'C:\\path'
[[many]]
k = 1
[[many.inner]]
k = 2
[[many]]
[many.plain]
k = 3
[[many.inner]]
k = 4
"\\u006eext" = 5
'''
    tomllib.loads(text)
    lines = key_lines(text)
    assert {path: line for path, line in lines.items() if line <= 4} == {
        ("title",): 2,
        ("quoted key",): 3,
        ("a",): 4,
        ("a", "b"): 4,
        ("a", "b", "c"): 4,
        ("a", "b", "c", "x"): 4,
        ("a", "b", "c", "y z"): 4,
        ("a", "b", "c", "y z", 0): 4,
        ("a", "b", "c", "y z", 1): 4,
    }
    expected = {
        ("table",): 6,
        ("table", "long"): 7,
        ("table", "literal"): 10,
        ("table", "list"): 12,
        ("table", "list", 0): 13,
        ("table", "list", 1): 14,
        ("table", "list", 1, "deep"): 14,
        ("table", "list", 1, "deep", 0): 15,
        ("table", "list", 1, "deep", 1): 16,
        ("table", "date"): 19,
        ("table", "sub", "k"): 21,
        ("many", 0, "k"): 23,
        ("many", 0, "inner", 0, "k"): 25,
        ("many", 1): 26,
        ("many", 1, "plain", "k"): 28,
        ("many", 1, "inner", 0, "k"): 30,
        ("many", 1, "inner", 0, "next"): 31,
    }
    assert {path: lines.get(path) for path in expected} == expected


def test_every_path_of_a_company_file_is_found_on_the_line_that_names_it() -> None:
    lines = key_lines(EVERY_KEY)
    source = EVERY_KEY.splitlines()

    def walk(value: object, path: tuple[str | int, ...]) -> None:
        if path and isinstance(path[-1], str):
            assert path[-1] in source[lines[path] - 1]
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, (*path, key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(inner, (*path, index))

    walk(tomllib.loads(EVERY_KEY), ())


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\n\r\n[t]\r\nb = 2\r\n")["t", "b"] == 4


def test_a_key_that_is_not_in_the_file_stands_where_its_table_does() -> None:
    lines = key_lines("a = 1\n[t]\nb = 2\n")
    assert line_of(lines, ("t", "missing", 0)) == 2
    assert line_of(lines, ("nowhere",)) == 1
