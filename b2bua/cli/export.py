"""`ringplan export`: the company file that says what the database says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from provisioning.editing.access import Way
from provisioning.editing.edit import Editing
from provisioning.editing.whole import Whole
from provisioning.file.export import company_text, customer_text
from provisioning.store.store import Store

app = typer.Typer()


@app.command("export")
def command(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where it goes; without, it is printed.")
    ] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer, by name.")] = None,
) -> None:
    """Write the company file (docs/company-file.md) from the database, without passwords and PINs."""

    async def read(store: Store) -> Whole:
        return await Editing(store).whole(console.operator(Way.FILE))

    whole = console.with_store(console.settings(context), read)
    text = company_text(whole) if customer is None else _one(whole, customer)
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError:
        raise CommandError(f"{file} is already there.") from None
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.") from None
    print(file)


def _one(whole: Whole, name: str) -> str:
    for customer in whole.customers:
        if customer.name.casefold() == name.casefold():
            return customer_text(whole, customer)
    raise CommandError(f"There is no customer {name}.")
