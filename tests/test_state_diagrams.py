"""The page of state machines shows what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2bua.sip.dialogs import subscription
from b2bua.sip.transactions import transaction
from b2bua.trunks import registration
from media.scripts import menu
from scripts.state_diagrams import Machine, as_markdown, machines, picture

PAGE = Path(__file__).parents[1] / "docs" / "state-machines.md"
TABLES = (*transaction.TABLES.values(), subscription.TABLE, registration.TABLE)


def test_the_page_is_the_one_printed_from_the_tables() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(), "run: python -m scripts.write_docs"


def test_every_entry_of_a_table_is_an_arrow() -> None:
    drawn = [len(machine.arrows) for machine in machines()[:-1]]
    assert drawn == [len(table) for table in TABLES]


def test_every_key_of_the_portal_is_on_an_arrow() -> None:
    portal = machines()[-1]
    for key in menu.TABLE:
        place = key.phase.name.title().replace("_", "")
        named = "digit" if key.keys == menu.DIGITS else key.keys
        assert any(
            arrow.source == place and named in arrow.label.split(" / ")[0].split(", ")
            for arrow in portal.arrows
        ), key


@pytest.mark.parametrize("machine", machines(), ids=lambda machine: machine.title)
def test_every_state_is_reached_and_left(machine: Machine) -> None:
    reached = {machine.first}
    while new := {arrow.target for arrow in machine.arrows if arrow.source in reached} - reached:
        reached |= new
    # Between two places of the portal something is looked up or written, which no key does.
    if machine.title != "Voice portal":
        assert reached == {state for arrow in machine.arrows for state in arrow[:2]}
        assert machine.ends
    assert picture(machine).count("-->") == 1 + len(machine.arrows) + len(machine.ends)
