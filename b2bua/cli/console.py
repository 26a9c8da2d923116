"""What the commands share: the settings they were started with, their errors, their tables and JSON."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel

from config.settings import ConfigError, Settings, load
from provisioning.company.changes import Applied
from provisioning.company.known import KnownUsers, NoSuchUser
from provisioning.control import NotRunningError, ask
from provisioning.editing.access import Actor, Partner, Way
from provisioning.store.errors import StoreError
from provisioning.store.store import Store, open_store

Result = TypeVar("Result")


USER = "A user's e-mail or extension, with @Customer behind it where several have it."


class CommandError(Exception):
    """The command cannot do what it was asked; the text is for the person who asked."""


def config_file(context: typer.Context) -> Path | None:
    """What `--config` named."""
    found = context.obj
    return found if isinstance(found, Path) else None


def settings(context: typer.Context) -> Settings:
    """The settings of this command. Raises CommandError when they are wrong."""
    try:
        return load(config_file(context))
    except ConfigError as error:
        raise CommandError(str(error)) from None


def with_store(given: Settings, work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Open the store of the data directory, do `work` with it, close it. Raises CommandError with its remedy."""

    async def run() -> Result:
        async with await open_store(given.data_dir) as store:
            return await work(store)

    try:
        return asyncio.run(run())
    except StoreError as error:
        raise CommandError(str(error)) from None


def operator(way: Way) -> Actor:
    """Whoever may read the data directory, by the name of the system's login: `operator:alice` in the audit."""
    return Actor(f"operator:{_login()}", way, (Partner(),))


def _login() -> str:
    """The login that runs the command; behind sudo that of the person, who has become root."""
    user = os.getuid()
    if user == 0 and (person := os.environ.get("SUDO_USER")):
        return person
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a container's user may have no name
        return str(user)


def users(given: Settings) -> KnownUsers:
    """What users are known by; their ids are those of their mailboxes too. Raises CommandError."""
    return with_store(given, lambda store: store.users())


def find_user(known: KnownUsers, name: str) -> int:
    """The id of the user whom `name` means. Raises CommandError with how to name them."""
    try:
        return known.find(name).id
    except NoSuchUser as error:
        raise CommandError(str(error)) from None


def ask_service(given: Settings, do: str, **fields: Any) -> dict[str, Any]:
    """What the running service answers on its control socket. Raises CommandError when none runs."""
    try:
        return ask(given.run_dir / "control.sock", do, **fields)
    except NotRunningError as error:
        raise CommandError(f"Ringplan is not running on {given.data_dir} ({error}).") from None


def saved(done: Applied | None) -> None:
    """Print what came of an edit, with the secrets that were made for it; None after a dry run."""
    if done is None:
        print("Nothing was written: --dry-run.")
        return
    for one in done.generated:
        print(f"{one.kind} of {one.owner}: {one.secret} (shown only now)")
    if done.changes:
        print("Saved and in force." if done.in_force else "Saved; in force when call handling is back.")


def show(value: BaseModel) -> None:
    """Print one of the shapes of `b2bua.cli.schema` as JSON."""
    print(value.model_dump_json(by_alias=True, indent=2))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them, with two spaces between."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    )
