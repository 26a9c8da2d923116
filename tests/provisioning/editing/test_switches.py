"""The partner's switches: what users and administrators may change themselves (P8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields, replace
from itertools import product
from typing import Any

import pytest

from b2bua.callplan.settings import Notify
from provisioning.company.entries import UserEntry
from provisioning.company.parts import DeskPhone, SoftClient
from provisioning.company.switches import Switches
from provisioning.editing.access import Action, Actor, Administrator, Resource, Themselves, Way, may
from provisioning.editing.account_roles import AccountEntry
from provisioning.editing.accounts import Accounts
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import EditError, NotAllowed, Refused, Stale, ThereIsNone
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.file.export import company_text
from provisioning.file.refusal import CompanyFileError
from tests.provisioning.editing.people import ACME, ADMIN, ANNA, BERT, BERTS, NOON, PARTNER

pytestmark = pytest.mark.behaviour("P8")
NAMES = tuple(each.name for each in fields(Switches))
OPEN = Switches(**dict.fromkeys(NAMES, True))
SHUT = Switches(**dict.fromkeys(NAMES, False))


def changed(**settings: Any) -> Callable[[Editing, Actor], Awaitable[object]]:
    async def operation(editing: Editing, actor: Actor) -> object:
        current = await editing.user(actor, BERT)
        return await editing.change_user(actor, BERT, replace(current.entry, **settings), current.version)

    return operation


OPERATIONS: dict[str, Callable[[Editing, Actor], Awaitable[object]]] = {
    "notifications": changed(notify=Notify(voicemail=True)),
    "soft clients": changed(soft_clients=(SoftClient("berts-own", "a password of his"),)),
    "desk phones": changed(desk_phones=(DeskPhone("001565000001"),)),
    "presentation": changed(presentation_number="+441632960100"),
    "withhold": changed(withhold_number=True),
    "time zone": changed(timezone="Europe/Paris"),
    "calls": changed(reject_anonymous=True),
    "PIN": lambda editing, actor: editing.set_pin(actor, BERT, "530864"),
    "numbers": changed(numbers=("+441632960102",)),
    "extension": changed(extension="209"),
    "add": lambda editing, actor: editing.add_user(actor, ACME, UserEntry("New", "new@acme.example", pin="")),
    "add with number": lambda editing, actor: editing.add_user(
        actor, ACME, UserEntry("New", "new@acme.example", pin="", numbers=("+441632960102",))
    ),
    "delete": lambda editing, actor: editing.delete_user(actor, BERT),
}
HANGS: dict[str, dict[str, tuple[str, ...]]] = {
    "user": {
        "notifications": ("users_notifications",),
        "soft clients": ("users_devices",),
        "desk phones": ("users_devices",),
        "presentation": ("users_profile",),
        "withhold": ("users_profile",),
        "time zone": ("users_profile",),
        "calls": (),
        "PIN": (),
    },
    "administrator": dict.fromkeys(OPERATIONS, ("administrators_users",))
    | dict.fromkeys(("numbers", "add with number"), ("administrators_users", "administrators_numbers")),
    "partner": dict.fromkeys(OPERATIONS, ()),
}
"""The switches that all have to be on for a role to do it; what is not here it never does."""
ACTORS = {"user": BERTS, "administrator": ADMIN, "partner": PARTNER}
ONE_OFF = {name: replace(OPEN, **{name: False}) for name in NAMES}
POSITIONS = {"all on": OPEN, "all off": SHUT, **ONE_OFF}


async def put(editing: Editing, switches: Switches) -> None:
    current = await editing.switches(PARTNER)
    await editing.set_switches(PARTNER, switches, current.version)


@pytest.mark.parametrize(("role", "position"), [*product(ACTORS, POSITIONS)])
async def test_role_by_switch_by_operation(editing: Editing, role: str, position: str) -> None:
    switches = POSITIONS[position]
    await put(editing, switches)
    done = {}
    for name, operation in OPERATIONS.items():
        try:
            # Every operation meets the same company: it is worked out, and judged, and not written.
            done[name] = await tried(editing, operation, ACTORS[role])
        except EditError as error:
            assert isinstance(error, NotAllowed | Refused | ThereIsNone), error
            done[name] = False
    needed = HANGS[role]
    expected = {
        name: name in needed and all(getattr(switches, each) for each in needed[name]) for name in OPERATIONS
    }
    assert done == expected


async def tried(
    editing: Editing, operation: Callable[[Editing, Actor], Awaitable[object]], actor: Actor
) -> bool:
    class Trying(Editing):
        async def make(self, actor: Actor, wish: Any) -> Any:
            return await self.preview(actor, wish)

    await operation(Trying(editing.store), actor)
    return True


async def test_the_refusal_says_who_may(editing: Editing) -> None:
    await put(editing, SHUT)
    with pytest.raises(Refused, match=r"^/notify: may be changed by an administrator of the customer only$"):
        await OPERATIONS["notifications"](editing, BERTS)
    await put(editing, ONE_OFF["administrators_numbers"])
    with pytest.raises(Refused, match=r"^/numbers: may be changed by the partner only$"):
        await OPERATIONS["numbers"](editing, ADMIN)
    await put(editing, ONE_OFF["administrators_users"])
    with pytest.raises(NotAllowed, match=r"^admin@acme.example may not change this user.$"):
        await OPERATIONS["calls"](editing, ADMIN)
    assert (await editing.user(ADMIN, ANNA)).id == ANNA


def test_an_administrator_looks_after_themselves_as_a_user_all_the_same() -> None:
    both = Actor("bert", Way.PORTAL, (Themselves(BERT), Administrator(ACME)))
    shut = ONE_OFF["administrators_users"]
    assert may(both, Action.CHANGE, Resource("user", ACME, BERT), shut)
    assert not may(both, Action.DELETE, Resource("user", ACME, BERT), shut)
    assert not may(both, Action.CHANGE, Resource("user", ACME, ANNA), shut)


async def test_who_does_not_manage_users_makes_no_accounts(editing: Editing) -> None:
    accounts = Accounts(editing.store, clock=lambda: NOON)
    entry = AccountEntry("Bert", "bert@acme.example", roles=(Themselves(BERT),))
    await put(editing, ONE_OFF["administrators_users"])
    with pytest.raises(NotAllowed):
        await accounts.add(ADMIN, entry)
    account = await accounts.add(PARTNER, entry)
    with pytest.raises(NotAllowed):
        await accounts.set_password(ADMIN, account, "correct horse battery")
    await accounts.set_password(
        Actor("b", Way.PORTAL, (Themselves(BERT),), account=account), account, "x" * 12
    )


async def test_only_the_partner_sets_them_and_the_audit_says_so(editing: Editing) -> None:
    assert (await editing.switches(PARTNER)).entry == Switches()
    for actor in (ADMIN, BERTS):
        with pytest.raises(ThereIsNone):
            await editing.switches(actor)
        with pytest.raises(ThereIsNone):
            await editing.set_switches(actor, OPEN, 0)
    seen = (await editing.switches(PARTNER)).version
    await editing.set_switches(PARTNER, replace(Switches(), users_devices=True), seen)
    last = (await editing.history(PARTNER, "platform", None))[-1]
    assert (last.actor, last.subject) == (PARTNER.name, "the platform")
    assert last.details == ("Users manage their devices: no → yes",)
    with pytest.raises(Stale):
        await editing.set_switches(PARTNER, SHUT, seen)
    with pytest.raises(Stale):
        await editing.block_numbers(PARTNER, (), seen)


@pytest.mark.parametrize("switches", [OPEN, SHUT, Switches()])
async def test_a_file_takes_them_along(editing: Editing, switches: Switches) -> None:
    await put(editing, switches)
    text = company_text(await editing.whole(PARTNER))
    assert parse_company_file(text).switches == switches
    other = Switches(**{name: not value for name, value in asdict(switches).items()})
    await put(editing, other)
    await apply_changes(editing.store, parse_company_file("as_of = 0\n"))
    assert (await editing.switches(PARTNER)).entry == other
    await apply_changes(editing.store, parse_company_file(text), overwrite=True)
    assert (await editing.switches(PARTNER)).entry == switches


def test_a_file_that_is_wrong_is_told_with_its_line() -> None:
    with pytest.raises(CompanyFileError, match=r":2: permissions.users_devices: must be true or false"):
        parse_company_file('[permissions]\nusers_devices = "yes"\n')
    with pytest.raises(CompanyFileError, match=r":2: permissions.users_device: is not a known key"):
        parse_company_file("[permissions]\nusers_device = true\n")
