"""`ringplan user|customer|trunk add|change|delete`: one of them edited by hand."""

# Without postponed annotations: the arguments of a command are made for each kind, where its table entry is read.

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError, operator
from config.settings import Settings
from provisioning.company.changes import Applied
from provisioning.company.entries import CustomerEntry
from provisioning.company.known import NoSuchUser
from provisioning.control import notify_changed
from provisioning.editing import wishes
from provisioning.editing.access import Actor, Way
from provisioning.editing.edit import Editing
from provisioning.editing.reading import Current
from provisioning.editing.refusals import EditError
from provisioning.editing.wishes import Wish
from provisioning.file.assignments import NoAssignment, Read, assigned
from provisioning.file.company_file import Reading
from provisioning.file.export import customer_table, trunk_table, user_table
from provisioning.file.toml_text import Value
from provisioning.limits import limits_of
from provisioning.store.store import Store

Assignments = Annotated[
    list[str], typer.Argument(metavar="KEY=VALUE...", help="Settings, by the keys of the company file.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's name.")]
Wanted = Callable[[Editing, Actor], Awaitable[Wish]]
RENAMED = "is a key of the company file alone: a new name is given as it is, such as name=… or email=…"


@dataclass(frozen=True)
class Kind:
    """What can be edited, and how its commands find, read and change it."""

    name: str
    called: str
    """What is said of its name in the help."""
    find: Callable[[Editing, Actor, str], Awaitable[int]]
    current: Callable[[Editing, Actor, int], Awaitable[Current[Any]]]
    table: Callable[[Any], Mapping[str, Value]]
    read: Callable[[Reading], Read[Any]]
    add: Callable[..., Wish]
    """Makes the wish for a new one, of its customer where it has one."""
    change: Callable[[int, Any, int], Wish]
    delete: Callable[[int], Wish]
    of_customer: bool = False
    elsewhere: Mapping[str, str] = field(default_factory=lambda: {"was": RENAMED})
    """Keys that are no setting here, and what to do instead."""


async def _user(editing: Editing, actor: Actor, name: str) -> int:
    return (await editing.store.users()).find(name).id


async def _customer(editing: Editing, actor: Actor, name: str) -> int:
    return _named(await editing.customer_names(actor), name, "customer")


async def _trunk(editing: Editing, actor: Actor, name: str) -> int:
    return _named(await editing.trunk_names(actor), name, "trunk")


def _named(names: dict[int, str], name: str, kind: str) -> int:
    for number, known in names.items():
        if known.casefold() == name.casefold():
            return number
    raise CommandError(f"There is no {kind} {name}.")


def _without_users(customer: CustomerEntry) -> Mapping[str, Value]:
    return customer_table(replace(customer, users=()))


KINDS = (
    Kind(
        "user",
        console.USER,
        _user,
        Editing.user,
        user_table,
        lambda reading: reading.user,
        wishes.add_user,
        wishes.change_user,
        wishes.delete_user,
        of_customer=True,
    ),
    Kind(
        "customer",
        "The customer's name.",
        _customer,
        Editing.customer,
        _without_users,
        lambda reading: reading.customer,
        wishes.add_customer,
        wishes.change_customer,
        wishes.delete_customer,
        elsewhere={
            "was": RENAMED,
            "users": "is not set here: users are edited one by one, with ringplan user add, change and delete",
        },
    ),
    Kind(
        "trunk",
        "The trunk's name.",
        _trunk,
        Editing.trunk,
        trunk_table,
        lambda reading: reading.trunk,
        wishes.add_trunk,
        wishes.change_trunk,
        wishes.delete_trunk,
    ),
)


def commands(kind: Kind) -> typer.Typer:
    """The commands of one kind."""
    app = typer.Typer(help=f"Add, change or delete one {kind.name}.")
    one = Annotated[str, typer.Argument(metavar=kind.name.upper(), help=kind.called)]

    def entry(editing: Editing, table: Mapping[str, Value], settings: list[str]) -> Any:
        return assigned(table, settings, kind.read(Reading(editing.limits.codes)), kind.elsewhere)

    def adding(customer: str | None, settings: list[str]) -> Wanted:
        async def wanted(editing: Editing, actor: Actor) -> Wish:
            made = entry(editing, {}, settings)
            return (
                kind.add(made)
                if customer is None
                else kind.add(await _customer(editing, actor, customer), made)
            )

        return wanted

    if kind.of_customer:

        @app.command("add", help=f"Add a {kind.name} to a customer.")
        def add_to_customer(
            context: typer.Context, customer: CustomerArgument, settings: Assignments, dry_run: DryRun = False
        ) -> None:
            _edit(context, adding(customer, settings), dry_run=dry_run)

    else:

        @app.command("add", help=f"Add a {kind.name}.")
        def add(context: typer.Context, settings: Assignments, dry_run: DryRun = False) -> None:
            _edit(context, adding(None, settings), dry_run=dry_run)

    @app.command("change", help=f"Change some settings of a {kind.name}; the others stay.")
    def change(
        context: typer.Context,
        name: one,
        settings: Assignments,
        dry_run: DryRun = False,
    ) -> None:
        async def wanted(editing: Editing, actor: Actor) -> Wish:
            current = await kind.current(editing, actor, await kind.find(editing, actor, name))
            made = entry(editing, kind.table(current.entry), settings)
            return kind.change(current.id, made, current.version)

        _edit(context, wanted, dry_run=dry_run)

    @app.command("delete", help=f"Delete a {kind.name}, with all that belongs to it.")
    def delete(
        context: typer.Context,
        name: one,
        dry_run: DryRun = False,
    ) -> None:
        async def wanted(editing: Editing, actor: Actor) -> Wish:
            return kind.delete(await kind.find(editing, actor, name))

        _edit(context, wanted, dry_run=dry_run)

    return app


def _edit(context: typer.Context, wanted: Wanted, *, dry_run: bool) -> None:
    """Show what changes, and change it unless it is a dry run."""
    given: Settings = console.settings(context)
    changed = partial(notify_changed, given.run_dir / "control.sock")
    actor = operator(Way.COMMAND)

    async def work(store: Store) -> Applied | None:
        editing = Editing(store, limits_of(given), changed)
        wish = await wanted(editing, actor)
        print(await editing.preview(actor, wish), flush=True)
        return None if dry_run else await editing.make(actor, wish)

    try:
        done = console.with_store(given, work)
    except (EditError, NoSuchUser, NoAssignment) as error:
        raise CommandError(str(error)) from None
    console.saved(done)
