"""The `ringplan` command: its groups joined, `--config`, and errors as one sentence on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from b2bua.cli import (
    apply,
    backup,
    calls,
    edit,
    explain,
    export,
    greeting,
    identity,
    logs,
    registrations,
    run,
    trunks,
    voicemail,
)
from b2bua.cli.console import CommandError

app = typer.Typer(
    name="ringplan",
    help="A SIP back-to-back user agent and call handler for hosted business telephony.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (run, apply, export, explain, calls, registrations, identity, trunks, logs, backup):
    app.add_typer(group.app)
app.add_typer(greeting.app, name="greeting")
for kind in edit.KINDS:
    app.add_typer(edit.commands(kind), name=kind.name)
app.add_typer(voicemail.app, name="voicemail")


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings; default: RINGPLAN_CONFIG.")
    ] = None,
) -> None:
    """Keep `--config` for the command that follows."""
    context.obj = config


def main() -> None:
    """Run the command line; exit code 1 and `ringplan: …` on stderr when a command cannot do its work."""
    try:
        app()
    except CommandError as error:
        for line in str(error).splitlines():
            print(f"ringplan: {line}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `ringplan calls | head`
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # whatever a command does to files: the system says it in a sentence
        print(f"ringplan: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(1)
