"""`ringplan trunks`: whether the carriers are there, and whether we are registered with them."""

from __future__ import annotations

from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.schema import Trunks, TrunkState

app = typer.Typer()


@app.command("trunks")
def command(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")] = False,
) -> None:
    """List the trunks of the running service."""
    answer = console.ask_service(console.settings(context), "trunks")
    found = Trunks.model_validate({"trunks": answer["trunks"]})
    if as_json:
        console.show(found)
    elif not found.trunks:
        print("There are no trunks.")
    else:
        rows = [
            [one.name, one.host, _addresses(one), one.state, _registered(one), one.problem or ""]
            for one in found.trunks
        ]
        print(console.table(["Trunk", "Host", "Addresses", "State", "Registered for", "Problem"], rows))


def _addresses(trunk: TrunkState) -> str:
    """The addresses, each that is not as the trunk is with its own state."""
    return ", ".join(
        one.address if one.state == trunk.state else f"{one.address} ({one.state})" for one in trunk.addresses
    )


def _registered(trunk: TrunkState) -> str:
    if not trunk.register_:
        return ""
    return "no" if trunk.registered_for is None else f"{trunk.registered_for:.0f} s"
