"""One user, customer or trunk edited by id: what is written, refused, told and left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from b2bua.callplan.codes import Codes
from b2bua.callplan.settings import Action
from b2bua.callplan.situation import Limits
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.parts import DeskPhone, SoftClient, TreatmentEntry
from provisioning.company.problems import OtherUser
from provisioning.editing import edit, wishes
from provisioning.editing.desired import Desired, DesiredCustomer, DesiredUser
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import Refused, Stale, ThereIsNone
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store import model
from provisioning.store.base import Base
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.editing.people import ACME, ADMIN, ANNA, BERT, BETA, CARRIER, CLEO, PARTNER
from tests.provisioning.store.test_bindings import binding


async def refused(editing: Editing, user: int, **changes: object) -> list[tuple[str, str]]:
    """The pointers and codes of the problems of a changed user, after seeing that nothing was written."""
    before = await editing.store.directory("ringplan")
    current = await editing.user(PARTNER, user)
    with pytest.raises(Refused) as error:
        await editing.change_user(PARTNER, user, replace(current.entry, **changes), current.version)  # type: ignore[arg-type]
    assert await editing.store.directory("ringplan") == before
    return [(problem.pointer(), problem.code) for problem in error.value.problems]


async def test_what_is_read_can_be_saved_unchanged(editing: Editing) -> None:
    before = await editing.store.settings_version()
    for who in (ANNA, BERT, CLEO):
        current = await editing.user(PARTNER, who)
        done = await editing.change_user(PARTNER, who, current.entry, current.version)
        assert (done.changes.items, done.generated) == ((), ()), "Bert has no PIN, and is given none"
    company = await editing.customer(PARTNER, ACME)
    assert not (await editing.change_customer(PARTNER, ACME, company.entry, company.version)).changes
    trunk = await editing.trunk(PARTNER, CARRIER)
    assert not (await editing.change_trunk(PARTNER, CARRIER, trunk.entry, trunk.version)).changes
    assert await editing.store.settings_version() == before


async def test_another_email_keeps_devices_pin_mailbox_and_those_who_redirect(
    editing: Editing, people: Store
) -> None:
    await people.save_bindings([binding("anna", "sip:anna@127.0.0.2", ANNA)])
    current = await editing.user(PARTNER, ANNA)
    entry = replace(current.entry, email="anna.b@acme.example", name="Anna B")
    done = await editing.change_user(PARTNER, ANNA, entry, current.version)
    (change,) = done.changes.items
    assert change.subject == "user Anna B <anna.b@acme.example> of Acme Ltd"
    assert change.details == (
        "Full name: Anna → Anna B",
        "E-mail: anna@acme.example → anna.b@acme.example",
    )
    assert done.generated == ()
    anna, bert, _ = (await people.directory("ringplan")).users
    assert (anna.id, anna.email, anna.has_pin) == (ANNA, "anna.b@acme.example", True)
    assert (bert.busy.user, len(await people.load_bindings())) == (ANNA, 1)
    assert await people.has_pin(ANNA, "402917")
    assert (await editing.user(PARTNER, BERT)).entry.busy.user == "anna.b@acme.example"


async def test_a_new_user_gets_an_id_and_secrets_once(editing: Editing, people: Store) -> None:
    entry = UserEntry("Dora", "dora@acme.example", "203", soft_clients=(SoftClient("dora"),))
    done = await editing.add_user(ADMIN, ACME, entry)
    assert [each.kind for each in done.generated] == ["soft client password", "voice portal PIN"]
    current = await editing.user(ADMIN, 4)
    assert (current.entry.name, current.customer, current.version) == ("Dora", ACME, done.settings_version)
    assert not {each.secret for each in done.generated} & set(str(done.changes).split())
    with pytest.raises(ThereIsNone):
        await editing.add_user(PARTNER, 99, entry)


@pytest.mark.behaviour("P7")
async def test_a_deleted_user_gives_all_back_and_who_redirects_is_listed_before(
    editing: Editing, people: Store
) -> None:
    await people.save_bindings([binding("anna", "sip:anna@127.0.0.2", ANNA)])
    shown = await editing.preview(PARTNER, wishes.delete_user(ANNA))
    assert (await people.directory("ringplan")).users[0].id == ANNA, "only looked at"
    done = await editing.delete_user(PARTNER, ANNA)
    assert done.changes == shown
    assert str(shown).splitlines() == [
        "- user Anna <anna@acme.example> of Acme Ltd",
        "    Redirects to this user: Bert <bert@acme.example>",
        "    Back to the pool: +441632960101",
        "    Released: 001565aabbcc, anna",
        "    The mailbox is kept for 30 days",
    ]
    assert await people.load_bindings() == ()
    directory = await people.directory("ringplan")
    assert [each.id for each in directory.users] == [BERT, CLEO]
    assert "+441632960101" in directory.customers[0].numbers
    with pytest.raises(ThereIsNone):
        await editing.user(PARTNER, ANNA)
    taken = UserEntry(
        "Dora", "anna@acme.example", "201", ("+441632960101",), soft_clients=(SoftClient("Anna"),)
    )
    await editing.add_user(PARTNER, ACME, taken)


@pytest.mark.behaviour("P7", "D9")
async def test_a_redirect_to_somebody_deleted_stays_until_it_is_edited(
    editing: Editing, people: Store
) -> None:
    await editing.delete_user(PARTNER, ANNA)
    current = await editing.user(PARTNER, BERT)
    assert current.entry.busy == TreatmentEntry(Action.USER)
    # What was wrong before does not keep him from changing something else, and still leads to Anna.
    await editing.change_user(PARTNER, BERT, replace(current.entry, max_calls=2), current.version)
    assert (await people.directory("ringplan")).users[0].busy.user == ANNA
    again = TreatmentEntry(Action.USER, user="anna@acme.example")
    assert await refused(editing, BERT, busy=again) == [("/busy/user", "redirect.no-user")]


@pytest.mark.behaviour("P7")
async def test_who_redirects_to_a_number_that_is_taken_away_is_listed(editing: Editing) -> None:
    current = await editing.user(PARTNER, ANNA)
    entry = replace(current.entry, numbers=(), default_number=None)
    done = await editing.change_user(PARTNER, ANNA, entry, current.version)
    assert done.changes.items[0].details[-1] == (
        "Redirects to +441632960101, which is nobody's now: Bert <bert@acme.example>"
    )
    (gone,) = (await editing.preview(PARTNER, wishes.delete_user(ANNA))).items
    assert gone.details[0] == "Redirects to this user: Bert <bert@acme.example>", "the other one, by user"


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"extension": "202"}, [("/extension", "extension.twice")]),
        ({"extension": "999"}, [("/extension", "extension.emergency")]),
        ({"max_calls": 0}, [("/max_calls", "whole.range")]),
        ({"pin": "111111"}, [("/voice_portal_pin", "pin.same-digit")]),
        (
            {"numbers": ("+441632960999",)},
            [("/default_number", "number.not-users"), ("/numbers/0", "number.add-first")],
        ),
        ({"numbers": ()}, [("/default_number", "number.not-users")]),
        ({"email": "bert@acme.example"}, [("/email", "email.twice")]),
        ({"email": "cleo@acme.example"}, None),
        ({"soft_clients": (SoftClient("CLEO"),)}, [("/soft_clients/0/username", "platform.in-use")]),
        ({"soft_clients": (SoftClient("ringplan"),)}, [("/soft_clients/0/username", "platform.in-use")]),
        (
            {"busy": TreatmentEntry(Action.USER, user="anna@acme.example")},
            [("/busy/user", "redirect.oneself")],
        ),
        (
            {"busy": TreatmentEntry(Action.USER, user="cleo@acme.example")},
            [("/busy/user", "redirect.no-user")],
        ),
        (
            {"busy": TreatmentEntry(Action.NUMBER, number="+441632960101")},
            [("/busy/number", "redirect.own-number")],
        ),
        (
            {"busy": TreatmentEntry(Action.NUMBER, number="+449098790000")},
            [("/busy/number", "redirect.class")],
        ),
        ({"permanent_redirect": "+44999"}, [("/permanent_redirect", "number.emergency")]),
        ({"busy": TreatmentEntry(Action.NUMBER, number="999")}, [("/busy/number", "number.emergency")]),
        ({"busy": TreatmentEntry(Action.KEEP_RINGING)}, [("/busy/action", "choice.unknown")]),
        ({"busy": TreatmentEntry(Action.VOICEMAIL, after=121)}, [("/busy/after", "seconds.range")]),
        (
            {"out_of_hours": TreatmentEntry(Action.NUMBER, number="+441632960777", always=True)},
            [("/out_of_hours/always", "option.never")],
        ),
        ({"soft_clients": (SoftClient("has space"),)}, [("/soft_clients/0/username", "username.form")]),
        ({"soft_clients": (SoftClient("anna", ""),)}, [("/soft_clients/0/password", "secret.kind")]),
        ({"desk_phones": (DeskPhone("0" * 12),)}, [("/desk_phones/0/mac", "mac.zero")]),
        (
            {"desk_phones": (DeskPhone("001565aabbcc", "Two words"),)},
            [("/desk_phones/0/vendor", "vendor.form")],
        ),
    ],
)
async def test_a_user_keeps_the_rules_whichever_way_they_are_edited(
    editing: Editing, changes: dict[str, object], problems: list[tuple[str, str]] | None
) -> None:
    if problems is None:
        current = await editing.user(PARTNER, ANNA)
        await editing.change_user(PARTNER, ANNA, replace(current.entry, **changes), current.version)  # type: ignore[arg-type]
    else:
        assert sorted(await refused(editing, ANNA, **changes)) == sorted(problems)


async def test_a_stale_edit_is_told_what_others_did_and_who(editing: Editing) -> None:
    annas, berts = await editing.user(PARTNER, ANNA), await editing.user(PARTNER, BERT)
    await editing.change_user(ADMIN, ANNA, replace(annas.entry, max_calls=2), annas.version)
    # Somebody else's change is none of this one's.
    await editing.change_user(PARTNER, BERT, replace(berts.entry, max_calls=3), berts.version)
    with pytest.raises(Stale) as stale:
        await editing.change_user(PARTNER, ANNA, replace(annas.entry, extension="204"), annas.version)
    assert str(stale.value) == (
        "Changed meanwhile:\n2030-06-01 12:00 UTC, admin@acme.example (API): "
        "change user Anna <anna@acme.example> of Acme Ltd: Simultaneous calls: 1 → 2"
    )
    now = await editing.user(PARTNER, ANNA)
    assert (now.entry.max_calls, now.entry.extension) == (2, "201")
    await editing.change_user(PARTNER, ANNA, replace(now.entry, extension="204"), now.version)


async def test_a_customer_is_renamed_and_keeps_its_people(editing: Editing, people: Store) -> None:
    current = await editing.customer(PARTNER, ACME)
    done = await editing.change_customer(
        PARTNER, ACME, replace(current.entry, name="Acme Group"), current.version
    )
    assert done.changes.items[0].details == ("Name: Acme Ltd → Acme Group",)
    directory = await people.directory("ringplan")
    assert [(each.id, each.name) for each in directory.customers] == [(1, "Acme Group"), (2, "Beta Ltd")]
    assert [(each.id, each.customer) for each in directory.users] == [(1, 1), (2, 1), (3, 2)]
    assert directory.users[0].numbers == ("+441632960101",)
    with pytest.raises(Refused) as error:
        await editing.change_customer(
            PARTNER, BETA, CustomerEntry("ACME group"), await _version(editing, BETA)
        )
    assert [(each.pointer(), each.code) for each in error.value.problems] == [("/name", "platform.in-use")]


async def _version(editing: Editing, customer: int) -> int:
    return (await editing.customer(PARTNER, customer)).version


async def test_a_customer_does_not_lose_what_its_users_have(editing: Editing) -> None:
    current = await editing.customer(PARTNER, ACME)
    entry = replace(current.entry, numbers=("+441632960100",), hardware_only=True)
    with pytest.raises(Refused) as error:
        await editing.change_customer(PARTNER, ACME, entry, current.version)
    assert [(each.place, each.code) for each in error.value.problems] == [
        ((OtherUser("anna@acme.example"), "numbers"), "number.add-first"),
        ((OtherUser("anna@acme.example"), "soft_clients"), "customer.hardware-only"),
    ]
    annas = await editing.user(PARTNER, ANNA)
    await editing.change_user(
        PARTNER,
        ANNA,
        replace(annas.entry, numbers=(), default_number=None, presentation_number="+441632960102"),
        annas.version,
    )
    with pytest.raises(Refused, match="is not among the numbers of Acme Ltd"):
        await editing.change_customer(
            PARTNER, ACME, replace(entry, hardware_only=False), await _version(editing, ACME)
        )
    more = replace(current.entry, numbers=("+441632960100", "+441632960102", "+441632960103"))
    await editing.change_customer(PARTNER, ACME, more, await _version(editing, ACME))
    assert (await editing.customer(PARTNER, ACME)).entry.numbers == more.numbers


async def test_a_deleted_customer_leaves_mailboxes_only(editing: Editing, people: Store) -> None:
    done = await editing.delete_customer(PARTNER, ACME)
    assert [item.subject for item in done.changes.items] == [
        "user Anna <anna@acme.example> of Acme Ltd",
        "user Bert <bert@acme.example> of Acme Ltd",
        "customer Acme Ltd",
    ]
    directory = await people.directory("ringplan")
    assert [each.name for each in directory.customers] == ["Beta Ltd"]
    assert [each.id for each in directory.users] == [CLEO]
    async with people.reading() as session:
        rows = (await session.scalars(select(model.User))).all()
        assert [row.id for row in rows if row.deleted_at is not None] == [ANNA, BERT], "for their mailboxes"
        assert (await session.scalars(select(model.Number))).all() == []
    with pytest.raises(ThereIsNone):
        await editing.customer(PARTNER, ACME)
    await editing.add_customer(PARTNER, CustomerEntry("Acme Ltd", numbers=("+441632960101",)))
    assert [each.id for each in (await people.directory("ringplan")).customers] == [2, 3]


async def test_trunks_by_id(editing: Editing, people: Store) -> None:
    current = await editing.trunk(PARTNER, CARRIER)
    await editing.change_trunk(PARTNER, CARRIER, replace(current.entry, name="main"), current.version)
    done = await editing.add_trunk(PARTNER, TrunkEntry("second", "192.0.2.2", username="us"))
    assert [each.owner for each in done.generated] == ["second"]
    main, second = (await people.directory("ringplan")).trunks
    assert (main.name, main.password, second.name) == ("main", "carriers", "second")
    with pytest.raises(Refused, match=r'^/name: "main" is already in use'):
        await editing.add_trunk(PARTNER, TrunkEntry("Main", "192.0.2.3"))
    with pytest.raises(Refused, match="is the username of a device"):
        await editing.add_trunk(PARTNER, TrunkEntry("third", "192.0.2.3", username="ANNA"))
    await editing.delete_trunk(PARTNER, CARRIER)
    assert [each.name for each in (await people.directory("ringplan")).trunks] == ["second"]
    with pytest.raises(ThereIsNone):
        await editing.change_trunk(PARTNER, 99, TrunkEntry("x", "192.0.2.3"), 0)


async def test_the_platforms_blocked_numbers(editing: Editing) -> None:
    current = await editing.blocked_numbers(PARTNER)
    await editing.block_numbers(PARTNER, ("+441632960888",), current.version)
    with pytest.raises(Stale):
        await editing.block_numbers(PARTNER, (), current.version)
    assert (await editing.blocked_numbers(PARTNER)).entry == ("+441632960888",)
    redirect = TreatmentEntry(Action.NUMBER, number="+441632960888")
    assert await refused(editing, ANNA, busy=redirect) == [("/busy/number", "redirect.blocked")]


async def test_a_new_password_is_generated_and_told_once(editing: Editing, people: Store) -> None:
    done = await editing.new_password(ADMIN, ANNA, "anna")
    (generated,) = done.generated
    async with people.reading() as session:
        query = select(model.Device.password).where(model.Device.username == "anna")
        assert people.key.decrypt((await session.scalars(query)).one()) == generated.secret
    assert done.changes.items[0].details == ("Password of anna: changed",)
    with pytest.raises(ThereIsNone):
        await editing.new_password(ADMIN, BERT, "anna")


async def test_call_handling_is_told_of_changes_and_of_nothing_else(people: Store) -> None:
    told: list[bool] = []

    def changed() -> bool:
        told.append(True)
        return True

    editing = Editing(people, changed=changed)
    current = await editing.user(PARTNER, ANNA)
    assert not (await editing.change_user(PARTNER, ANNA, current.entry, current.version)).in_force
    assert told == []
    entry = replace(current.entry, max_calls=2)
    assert (await editing.change_user(PARTNER, ANNA, entry, current.version)).in_force
    assert told == [True]


async def test_an_edit_of_one_user_reads_no_more_of_a_large_company(store: Store) -> None:
    reads: list[tuple[int, int]] = []
    for size in (10, 400):
        people = (
            user(
                f"u{n}",
                f'extension = "{1000 + n}"\nvoice_portal_pin = ""\nsoft_clients = [{{ username = "s{n}" }}]',
            )
            for n in range(size)
        )
        await apply_changes(store, parse_company_file(customer(*people, keys="")), overwrite=True)
        editing, counted = Editing(store), [0, 0]

        def statement(*_: object, count: list[int] = counted) -> None:
            count[0] += 1

        def row(*_: object, count: list[int] = counted) -> None:
            count[1] += 1

        current = await editing.user(PARTNER, 1)
        event.listen(store._engine.sync_engine, "after_cursor_execute", statement)
        event.listen(Base, "load", row, propagate=True)
        try:
            entry = replace(current.entry, max_calls=current.entry.max_calls + 1)
            await editing.change_user(PARTNER, 1, entry, current.version)
        finally:
            event.remove(store._engine.sync_engine, "after_cursor_execute", statement)
            event.remove(Base, "load", row)
        reads.append((counted[0], counted[1]))
    assert reads[0] == reads[1]
    assert reads[0][0] < 60


async def test_users_may_swap_their_emails(editing: Editing, people: Store) -> None:
    annas, berts = await editing.user(PARTNER, ANNA), await editing.user(PARTNER, BERT)
    to_himself = replace(berts.entry.busy, user="bert@acme.example")

    async def wish(session: object) -> Desired:
        users = (
            DesiredUser(ANNA, replace(annas.entry, email="bert@acme.example")),
            DesiredUser(BERT, replace(berts.entry, email="anna@acme.example", busy=to_himself)),
        )
        return Desired((DesiredCustomer(ACME, users=users),))

    await editing.make(PARTNER, wish)
    anna, bert, _ = (await people.directory("ringplan")).users
    assert (anna.email, bert.email, bert.busy.user) == ("bert@acme.example", "anna@acme.example", ANNA)


async def test_what_the_platforms_own_codes_allow_may_stay_elsewhere(people: Store) -> None:
    own = Editing(people, Limits(codes=Codes(access=frozenset({"302"}))))
    current = await own.user(PARTNER, BERT)
    await own.change_user(PARTNER, BERT, replace(current.entry, extension="1571"), current.version)
    # Who does not know these codes is not asked about what is there already (the PIN by telephone).
    usual = Editing(people)
    await usual.set_pin(PARTNER, BERT, "530864")
    current = await usual.user(PARTNER, ANNA)
    with pytest.raises(Refused, match="is the access code"):
        await usual.change_user(PARTNER, ANNA, replace(current.entry, extension="1571"), current.version)
    with pytest.raises(Refused, match="is the access code"):
        await own.change_user(PARTNER, ANNA, replace(current.entry, extension="302"), current.version)


async def test_a_change_by_others_while_it_is_planned_is_seen(
    people: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    editing, plan = Editing(people), edit._plan
    current = await editing.user(PARTNER, ANNA)
    berts = await editing.user(PARTNER, BERT)

    async def and_then(*arguments: Any) -> edit.Prepared:
        made = await plan(*arguments)
        monkeypatch.setattr(edit, "_plan", plan)
        await Editing(people).change_user(ADMIN, BERT, replace(berts.entry, extension="209"), berts.version)
        return made

    monkeypatch.setattr(edit, "_plan", and_then)
    with pytest.raises(Refused, match="is the extension of two users"):
        await editing.change_user(PARTNER, ANNA, replace(current.entry, extension="209"), current.version)
