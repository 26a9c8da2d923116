"""`ringplan registrations`: the devices that are registered now."""

from __future__ import annotations

from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.schema import Registration, Registrations

app = typer.Typer()


@app.command("registrations")
def command(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")] = False,
) -> None:
    """List the registered devices of the running service."""
    answer = console.ask_service(console.settings(context), "registrations")
    found = Registrations(registrations=[Registration(**one) for one in answer["registrations"]])
    if as_json:
        console.show(found)
    elif not found.registrations:
        print("No device is registered.")
    else:
        rows = [
            [one.user or "", one.username, one.source, f"{one.expires_in:.0f} s", one.user_agent or ""]
            for one in found.registrations
        ]
        print(console.table(["User", "SIP username", "From", "Ends in", "Device"], rows))
