"""`ringplan export`: the company file from the database, and `apply` that stops at what was changed since."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.editing.access import Actor, Partner, Way
from provisioning.editing.edit import Editing
from provisioning.store.store import open_store
from tests.cli.conftest import COMPANY, Run

pytestmark = pytest.mark.usefixtures("company")
PAT = Actor("pat@partner.example", Way.PORTAL, (Partner(),))


def change(data: Path, max_calls: int) -> None:
    """Let somebody change Ann in the portal."""

    async def work() -> None:
        async with await open_store(data) as store:
            editing = Editing(store)
            ann = await editing.user(PAT, 1)
            await editing.change_user(PAT, 1, replace(ann.entry, max_calls=max_calls), ann.version)

    asyncio.run(work())


def test_what_it_prints_can_be_applied_and_changes_nothing(ringplan: Run, tmp_path: Path) -> None:
    printed = ringplan("export")
    file = tmp_path / "acme.toml"
    assert ringplan("export", str(file)).out == f"{file}\n"
    assert file.read_text() == printed.out
    assert "Nothing changes." in ringplan("apply", str(file), "--prune").out
    assert ringplan("export", str(file)).err == f"ringplan: {file} is already there.\n"


def test_one_customer(ringplan: Run) -> None:
    assert 'name = "Acme Ltd"' in ringplan("export", "--customer", "acme ltd").out
    assert ringplan("export", "--customer", "Beta").err == "ringplan: There is no customer Beta.\n"


@pytest.mark.behaviour("P9")
def test_apply_stops_at_what_was_changed_elsewhere(ringplan: Run, company: Path, tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(COMPANY)
    change(company, 7)
    dry = ringplan("apply", "--dry-run", str(file))
    assert (dry.code, "Takes back: " in dry.out, "Nothing was written: --dry-run." in dry.out) == (
        0,
        True,
        True,
    )
    ran = ringplan("apply", str(file))
    assert ran.code == 1
    assert "UTC, pat@partner.example (portal): change user Ann" in ran.out
    assert "Simultaneous calls: 1 → 7" in ran.out
    assert f"ringplan: Nothing was written: {file} would take back" in ran.err and "--overwrite" in ran.err
    assert "max_calls = 7" in ringplan("export").out
    assert ringplan("apply", "--overwrite", str(file)).code == 0
    assert "max_calls" not in ringplan("export").out
