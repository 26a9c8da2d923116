"""`ringplan identity`: which number people see who are called by a client, and another one until it signs off."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from b2bua.cli.schema import Identity

app = typer.Typer()


@app.command("identity")
def command(
    context: typer.Context,
    username: Annotated[str, typer.Argument(help="SIP username of the client.")],
    number: Annotated[
        str | None, typer.Argument(help="One of the user's own numbers, with plus and country code.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Take back what was picked.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")] = False,
) -> None:
    """Show or pick the number that is shown for a client's calls; it holds until the client signs off."""
    if number is not None and default:
        raise CommandError("A number and --default exclude each other.")
    fields: dict[str, Any] = {"username": username}
    if number is not None or default:
        fields["number"] = number
    answer = console.ask_service(console.settings(context), "identity", **fields)
    if "refused" in answer:
        raise CommandError(answer["refused"])
    found = Identity.model_validate({key: answer[key] for key in Identity.model_fields})
    if as_json:
        console.show(found)
        return
    how = "picked until it signs off" if found.picked else "as it is set"
    print(f"{username} shows {found.number or 'no number'} ({how}).")
    print(f"Own numbers: {', '.join(found.numbers) or 'none'}")
