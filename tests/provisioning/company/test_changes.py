from __future__ import annotations

from provisioning.company.changes import Change, Changes, Generated


def test_changes_print_as_a_person_reads_them() -> None:
    changes = Changes(
        (
            Change("add", "customer Acme Ltd", ("Numbers: +441632960100",)),
            Change("change", "user Anna", ("Extension: none → 201",)),
            Change("delete", "user Bert"),
        ),
        ("mind this.",),
    )
    assert str(changes).splitlines() == [
        "+ customer Acme Ltd",
        "    Numbers: +441632960100",
        "~ user Anna",
        "    Extension: none → 201",
        "- user Bert",
        "Note: mind this.",
    ]
    assert changes


def test_no_change_says_so_and_is_false() -> None:
    assert not Changes(notes=("mind this.",))
    assert str(Changes()) == "Nothing changes."


def test_a_generated_secret_does_not_show_by_accident() -> None:
    assert "402917" not in repr(Generated("voice portal PIN", "anna@acme.example", "402917"))
