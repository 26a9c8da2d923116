"""The check of behaviour ids sees what is not proven, and what is proven but not promised."""

from __future__ import annotations

from pathlib import Path

from tests.behaviour_ids import ROOT, marks, proofs, report, statements

PAGE = """# What happens

- **N1** Keep ringing.
- **N2** Voicemail,
  after N seconds. (planned)
* B1: busy.

- not a statement, though it names N9
| R1 | a table |
"""


def test_statements_are_list_items_that_begin_with_an_id() -> None:
    assert statements(PAGE) == {"N1": False, "N2": True, "B1": False}


def test_marks_are_read_wherever_they_stand() -> None:
    source = (
        "import pytest\npytestmark = [pytest.mark.behaviour('A1')]\n"
        "@pytest.mark.behaviour('N1', 'N2')\n@pytest.mark.other('X1')\ndef test_x(): ...\n"
    )
    assert sorted(marks(source)) == ["A1", "N1", "N2"]


def test_a_story_names_ids_too(tmp_path: Path) -> None:
    story = tmp_path / "sipp_scenarios" / "cancel" / "story.toml"
    story.parent.mkdir(parents=True)
    story.write_text('title = "x"\nbehaviour = ["N6"]\n')
    (tmp_path / "tests").mkdir()
    assert proofs(tmp_path) == {"N6": ["sipp_scenarios/cancel/story.toml"]}


def test_an_acting_statement_without_a_test_fails() -> None:
    lines, code = report(PAGE, {"N1": ["a"]})
    assert code == 1
    assert lines[0] == "B1: no test names it"


def test_an_id_that_the_page_does_not_have_fails() -> None:
    lines, code = report(PAGE, {"N1": ["a"], "B1": ["b"], "N9": ["tests/test_c.py"]})
    assert code == 1
    assert "N9: not in docs/behaviour.md, but named by tests/test_c.py" in lines


def test_when_all_is_proven_the_planned_ones_are_listed() -> None:
    lines, code = report(PAGE, {"N1": ["a"], "B1": ["b"]})
    assert code == 0
    assert lines == ["Planned: N2", "Behaviour: 2 statements act, 0 problems, 1 are planned"]


def test_the_page_has_statements_in_every_section() -> None:
    known = statements((ROOT / "docs" / "behaviour.md").read_text())
    assert {name[0] for name in known} >= set("PRNBDOAVWIEHM")
