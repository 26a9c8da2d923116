"""`ringplan user|customer|trunk add|change|delete`: one of them edited by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from config.settings import Settings
from provisioning.company.changes import Applied
from provisioning.company.entries import CustomerEntry
from provisioning.company.known import NoSuchUser
from provisioning.control import notify_changed
from provisioning.editing import wishes
from provisioning.editing.access import Actor, Partner, Way
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import EditError
from provisioning.editing.wishes import Wish
from provisioning.file.assignments import NoAssignment, assigned
from provisioning.file.company_file import Reading
from provisioning.file.export import customer_table, trunk_table, user_table
from provisioning.limits import limits_of
from provisioning.store.store import Store

OPERATOR = Actor("operator", Way.COMMAND, (Partner(),))
Assignments = Annotated[
    list[str], typer.Argument(metavar="KEY=VALUE...", help="Settings, by the keys of the company file.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]


@dataclass(frozen=True)
class Kind:
    """The commands for one kind of thing."""

    name: str
    app: typer.Typer


def _kind(name: str) -> Kind:
    return Kind(name, typer.Typer(help=f"Add, change or delete one {name}."))


USER, CUSTOMER, TRUNK = _kind("user"), _kind("customer"), _kind("trunk")
COMMANDS = USER, CUSTOMER, TRUNK
UserArgument = Annotated[str, typer.Argument(metavar="USER", help=console.USER)]
CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's name.")]
TrunkArgument = Annotated[str, typer.Argument(metavar="TRUNK", help="The trunk's name.")]


@USER.app.command("add")
def add_user(
    context: typer.Context, customer: CustomerArgument, settings: Assignments, dry_run: DryRun = False
) -> None:
    """Add a user to a customer."""

    async def wish(editing: Editing) -> Wish:
        entry = assigned({}, settings, Reading(editing.limits.codes).user)
        return wishes.add_user(await _customer(editing, customer), entry)

    _edit(context, wish, dry_run=dry_run)


@USER.app.command("change")
def change_user(
    context: typer.Context, user: UserArgument, settings: Assignments, dry_run: DryRun = False
) -> None:
    """Change some settings of a user; the others stay."""

    async def wish(editing: Editing) -> Wish:
        current = await editing.user(OPERATOR, await _user(editing, user))
        read = Reading(editing.limits.codes).user
        entry = assigned(user_table(current.entry), settings, read)
        return wishes.change_user(current.id, entry, current.version)

    _edit(context, wish, dry_run=dry_run)


@USER.app.command("delete")
def delete_user(context: typer.Context, user: UserArgument, dry_run: DryRun = False) -> None:
    """Delete a user; the mailbox is kept for a while."""

    async def wish(editing: Editing) -> Wish:
        return wishes.delete_user(await _user(editing, user))

    _edit(context, wish, dry_run=dry_run)


@CUSTOMER.app.command("add")
def add_customer(context: typer.Context, settings: Assignments, dry_run: DryRun = False) -> None:
    """Add a customer."""

    async def wish(editing: Editing) -> Wish:
        return wishes.add_customer(assigned({}, settings, Reading(editing.limits.codes).customer))

    _edit(context, wish, dry_run=dry_run)


@CUSTOMER.app.command("change")
def change_customer(
    context: typer.Context, customer: CustomerArgument, settings: Assignments, dry_run: DryRun = False
) -> None:
    """Change some settings of a customer; the others, and its users, stay."""

    async def wish(editing: Editing) -> Wish:
        current = await editing.customer(OPERATOR, await _customer(editing, customer))
        table = customer_table(replace(current.entry, users=()))
        entry: CustomerEntry = assigned(table, settings, Reading(editing.limits.codes).customer)
        return wishes.change_customer(current.id, entry, current.version)

    _edit(context, wish, dry_run=dry_run)


@CUSTOMER.app.command("delete")
def delete_customer(context: typer.Context, customer: CustomerArgument, dry_run: DryRun = False) -> None:
    """Delete a customer with all its users."""

    async def wish(editing: Editing) -> Wish:
        return wishes.delete_customer(await _customer(editing, customer))

    _edit(context, wish, dry_run=dry_run)


@TRUNK.app.command("add")
def add_trunk(context: typer.Context, settings: Assignments, dry_run: DryRun = False) -> None:
    """Add a trunk."""

    async def wish(editing: Editing) -> Wish:
        return wishes.add_trunk(assigned({}, settings, Reading(editing.limits.codes).trunk))

    _edit(context, wish, dry_run=dry_run)


@TRUNK.app.command("change")
def change_trunk(
    context: typer.Context, trunk: TrunkArgument, settings: Assignments, dry_run: DryRun = False
) -> None:
    """Change some settings of a trunk; the others stay."""

    async def wish(editing: Editing) -> Wish:
        current = await editing.trunk(OPERATOR, await _trunk(editing, trunk))
        entry = assigned(trunk_table(current.entry), settings, Reading(editing.limits.codes).trunk)
        return wishes.change_trunk(current.id, entry, current.version)

    _edit(context, wish, dry_run=dry_run)


@TRUNK.app.command("delete")
def delete_trunk(context: typer.Context, trunk: TrunkArgument, dry_run: DryRun = False) -> None:
    """Delete a trunk."""

    async def wish(editing: Editing) -> Wish:
        return wishes.delete_trunk(await _trunk(editing, trunk))

    _edit(context, wish, dry_run=dry_run)


def _edit(context: typer.Context, wish: Callable[[Editing], Awaitable[Wish]], *, dry_run: bool) -> None:
    """Show what changes, and change it unless it is a dry run."""
    given: Settings = console.settings(context)
    changed = partial(notify_changed, given.run_dir / "control.sock")

    async def work(store: Store) -> Applied | None:
        editing = Editing(store, limits_of(given), changed)
        wanted = await wish(editing)
        print(await editing.preview(OPERATOR, wanted), flush=True)
        return None if dry_run else await editing.make(OPERATOR, wanted)

    try:
        done = console.with_store(given, work)
    except (EditError, NoSuchUser, NoAssignment) as error:
        raise CommandError(str(error)) from None
    console.saved(done)


async def _user(editing: Editing, name: str) -> int:
    return (await editing.store.users()).find(name).id


async def _customer(editing: Editing, name: str) -> int:
    return _named(await editing.customer_names(OPERATOR), name, "customer")


async def _trunk(editing: Editing, name: str) -> int:
    return _named(await editing.trunk_names(OPERATOR), name, "trunk")


def _named(names: dict[int, str], name: str, kind: str) -> int:
    for number, known in names.items():
        if known.casefold() == name.casefold():
            return number
    raise CommandError(f"There is no {kind} {name}.")
