from __future__ import annotations

from provisioning.company import values
from provisioning.company.problems import Problem
from provisioning.company.sentences import sentence
from provisioning.file.toml_table import Table


def table(content: object) -> tuple[Table, list[Problem]]:
    problems: list[Problem] = []
    return Table(content, ("t", 0), problems), problems


def test_values_come_out_and_left_out_keys_are_defaults() -> None:
    read, problems = table({"name": "Acme", "list": ["a", "b"], "sub": {"on": True}})
    assert read.need("name", values.text, "") == "Acme"
    assert read.read("other", values.flag, True) is True
    assert read.each("list", values.text) == ("a", "b")
    assert read.each("no list", values.text, ("x",)) == ("x",)
    assert read.table("sub").read("on", values.flag, False) is True
    assert list(read.tables("none")) == []
    read.finish()
    assert problems == []


def test_every_problem_is_collected_with_its_path() -> None:
    read, problems = table({"flag": 1, "list": ["a", 2], "array": 3, "flog": 4, "zzz": 5})
    assert read.need("name", values.text, "") == ""
    assert read.read("flag", values.flag, False) is False
    assert read.each("list", values.text) == ("a",)
    assert read.each("array", values.text) == ()
    read.finish()
    assert [(problem.place, sentence(problem)) for problem in problems] == [
        (("t", 0), '"name" is missing'),
        (("t", 0, "flag"), "must be true or false, not 1"),
        (("t", 0, "list", 1), "must be text in quotes, not 2"),
        (("t", 0, "array"), "must be a list in [ ]"),
        (("t", 0, "flog"), 'is not a known key; did you mean "flag"?'),
        (("t", 0, "zzz"), "is not a known key; known here: name, flag, list, array"),
    ]


def test_what_should_be_a_table_and_is_not_is_a_problem() -> None:
    read, problems = table(5)
    assert read.read("name", values.text, "left out") == "left out"
    read.finish()
    assert [(problem.place, sentence(problem)) for problem in problems] == [
        (("t", 0), "must be a table of keys and values")
    ]
