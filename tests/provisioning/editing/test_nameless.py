"""Users without e-mail: the lift, the reception (P8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.settings import Action, Notify
from provisioning.company.entries import UserEntry
from provisioning.company.parts import TreatmentEntry
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import Refused
from provisioning.editing.wishes import change_user
from provisioning.file.apply import OPERATOR, apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.file.export import company_text
from provisioning.notifier.queue import Outbox
from provisioning.store.outbox import Channel, put
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.editing.people import ACME, ANNA, BERT, PARTNER
from tests.provisioning.notifier.entries import MESSAGE

pytestmark = pytest.mark.behaviour("P8")
LIFT = UserEntry("Lift", extension="204", pin="")
FILE = customer(
    '[[customers.users]]\nname = "Lift"\nextension = "204"\nvoice_portal_pin = ""\n',
    user(
        "anna",
        'extension = "201"\nvoice_portal_pin = ""',
        '[customers.users.busy]\naction = "user"\nuser = "204"\n',
    ),
    keys="",
)


def redirecting(to: str) -> TreatmentEntry:
    return TreatmentEntry(Action.USER, user=to)


async def test_two_of_them_are_known_by_extension(editing: Editing) -> None:
    await editing.add_user(PARTNER, ACME, LIFT)
    done = await editing.add_user(PARTNER, ACME, replace(LIFT, name="Shop floor", extension="205"))
    assert [each.subject for each in done.changes.items] == ["user Shop floor (extension 205) of Acme Ltd"]
    users = await editing.store.users()
    assert users.find("204").name == "Lift"
    assert [each.known_as for each in (await editing.store.directory("x")).users][3:] == ["204", "205"]


async def test_one_who_has_neither_email_nor_extension_is_refused(editing: Editing) -> None:
    with pytest.raises(Refused, match="/email: is missing, and there is no extension"):
        await editing.add_user(PARTNER, ACME, UserEntry("Nobody"))
    with pytest.raises(Refused, match=r'/extension: "204" is the extension of two .*\(204 has it\)'):
        await editing.add_user(PARTNER, ACME, LIFT)
        await editing.add_user(PARTNER, ACME, LIFT)


async def test_redirects_name_them_by_extension(editing: Editing) -> None:
    await editing.add_user(PARTNER, ACME, LIFT)
    lift = (await editing.store.users()).find("204").id
    bert = await editing.user(PARTNER, BERT)
    entry = replace(bert.entry, busy=redirecting("204"))
    await editing.change_user(PARTNER, BERT, entry, bert.version)
    bert = await editing.user(PARTNER, BERT)
    assert bert.entry.busy.user == "204"
    # An extension names whoever has an e-mail too, and it is the same redirect.
    entry = replace(bert.entry, busy=redirecting("201"))
    done = await editing.change_user(PARTNER, BERT, entry, bert.version)
    assert done.changes.items[0].details == (
        "Line busy: redirect to another user, 204, after 0 s → redirect to another user, anna@acme.example, after 0 s",
    )
    bert = await editing.user(PARTNER, BERT)
    assert bert.entry.busy.user == "anna@acme.example"
    assert not (
        await editing.preview(PARTNER, change_user(BERT, replace(bert.entry, busy=redirecting("201"))))
    ).items
    with pytest.raises(Refused, match="/busy/user: is this user"):
        await editing.change_user(PARTNER, BERT, replace(bert.entry, busy=redirecting("202")), bert.version)
    with pytest.raises(Refused, match='/busy/user: "209" is no user of Acme Ltd'):
        await editing.change_user(PARTNER, BERT, replace(bert.entry, busy=redirecting("209")), bert.version)
    anna = await editing.user(PARTNER, ANNA)
    await editing.change_user(PARTNER, ANNA, replace(anna.entry, busy=redirecting("204")), anna.version)
    told = (await editing.delete_user(PARTNER, lift)).changes.items[0]
    assert told.details[0] == "Redirects to this user: Anna <anna@acme.example>"


async def test_a_file_knows_them_by_extension(store: Store) -> None:
    await apply_changes(store, parse_company_file(FILE))
    assert not (await apply_changes(store, parse_company_file(FILE), prune=True)).changes
    text = company_text(await Editing(store).whole(OPERATOR))
    assert text.index('"Lift"') < text.index("anna@")
    assert 'user = "204"' in text
    assert not (await apply_changes(store, parse_company_file(text), prune=True)).changes


async def test_one_gets_an_email_and_stays_the_same_user(store: Store) -> None:
    await apply_changes(store, parse_company_file(FILE))
    text = FILE.replace('name = "Lift"', 'name = "Lift"\nemail = "lift@acme.example"\nwas = "204"')
    done = await apply_changes(store, parse_company_file(text), prune=True)
    assert [each.details[0] for each in done.changes.items] == [
        "E-mail: none → lift@acme.example",
        "Line busy: redirect to another user, 204, after 0 s → "
        "redirect to another user, lift@acme.example, after 0 s",
    ]
    assert (await store.users()).find("lift@acme.example").id == 1


async def test_nothing_is_mailed_to_them_and_that_is_said(editing: Editing) -> None:
    done = await editing.add_user(PARTNER, ACME, replace(LIFT, notify=Notify(voicemail=True)))
    assert "without an e-mail: Lift of Acme Ltd. Nothing is mailed to them." in done.changes.notes
    store = editing.store
    lift = (await store.users()).find("204").id
    bert = await editing.user(PARTNER, BERT)
    told = replace(bert.entry, notify=Notify(voicemail=True))
    await editing.change_user(PARTNER, BERT, told, bert.version)
    async with store.writing() as session:
        for owner in (lift, BERT):
            news = replace(MESSAGE, user=owner, message=f"m-{owner}")
            await put(session, [news], (Channel.MAIL,), MESSAGE.received)
    assert await Outbox(store).waiting() == 1
