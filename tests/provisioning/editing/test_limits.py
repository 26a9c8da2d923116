"""How many users and numbers a customer may have (P8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioning.company.entries import UserEntry
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import Refused
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.file.refusal import CompanyFileError
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.editing.people import ACME, ADMIN, ANNA, BERT, PARTNER

pytestmark = pytest.mark.behaviour("P8")
DORA = UserEntry("Dora", "dora@acme.example", pin="")


async def limit(editing: Editing, **limits: int | None) -> None:
    current = await editing.customer(PARTNER, ACME)
    await editing.change_customer(PARTNER, ACME, replace(current.entry, **limits), current.version)


async def test_nobody_is_added_beyond_what_the_customer_may_have(editing: Editing) -> None:
    await limit(editing, max_users=3)
    await editing.add_user(ADMIN, ACME, DORA)
    with pytest.raises(Refused, match=r"^/max_users: Acme Ltd may have 3 users, and would have 4$"):
        await editing.add_user(ADMIN, ACME, replace(DORA, email="e@acme.example"))
    anna = await editing.user(PARTNER, ANNA)
    await editing.change_user(PARTNER, ANNA, replace(anna.entry, max_calls=2), anna.version)
    await editing.delete_user(PARTNER, BERT)
    await editing.add_user(ADMIN, ACME, replace(DORA, email="e@acme.example"))


async def test_the_limit_is_the_partners_and_not_below_what_there_is(editing: Editing) -> None:
    with pytest.raises(Refused, match="/max_users: Acme Ltd may have 1 users, and would have 2"):
        await limit(editing, max_users=1)
    with pytest.raises(Refused, match="/max_numbers: Acme Ltd may have 2 numbers, and would have 3"):
        await limit(editing, max_numbers=2)
    current = await editing.customer(ADMIN, ACME)
    with pytest.raises(Refused, match="/max_users: may be changed by the partner only"):
        await editing.change_customer(ADMIN, ACME, replace(current.entry, max_users=9), current.version)


async def test_a_file_keeps_to_it_too(store: Store) -> None:
    one = customer(user("anna"), keys="max_users = 1\nmax_numbers = 0")
    await apply_changes(store, parse_company_file(one))
    with pytest.raises(CompanyFileError, match=r":4: max_users: Acme Ltd may have 1 users, and would have 2"):
        parse_company_file(customer(user("anna"), user("bert"), keys="\nmax_users = 1"))
    with pytest.raises(CompanyFileError, match="max_users: Acme Ltd may have 1 users, and would have 2"):
        await apply_changes(store, parse_company_file(customer(user("bert"), keys="max_users = 1")))
