from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provisioning.editing.edit import Editing
from provisioning.store.store import Store, open_store
from tests.provisioning.companies import customer, user
from tests.provisioning.editing.people import NOON
from tests.provisioning.templates import CHEAP, data_directory

NUMBERS = 'numbers = ["+441632960100", "+441632960101", "+441632960102"]'
ANNAS = """extension = "201"
numbers = ["+441632960101"]
voice_portal_pin = "402917"
soft_clients = [{ username = "anna", password = "one password" }]
desk_phones = [{ mac = "001565aabbcc" }]"""
TO_ANNA = """[customers.users.busy]
action = "user"
user = "anna@acme.example"
[customers.users.not_answered]
action = "number"
number = "+441632960101"
"""


COMPANY = (
    customer(
        user("anna", ANNAS),
        user("bert", 'extension = "202"\nvoice_portal_pin = ""', TO_ANNA),
        keys=NUMBERS,
    )
    + customer(user("cleo", 'soft_clients = [{ username = "cleo" }]'), name="Beta Ltd", keys="")
    + '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\nusername = "ringplan"\npassword = "carriers"\n'
)


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[Store]:
    """Anna (1), to whom Bert (2) redirects, of Acme (1), and Cleo (3) of Beta (2); a trunk (1)."""
    async with await open_store(await data_directory(tmp_path / "data", COMPANY), CHEAP) as opened:
        yield opened


@pytest.fixture
def editing(people: Store) -> Editing:
    return Editing(people, clock=lambda: NOON)
