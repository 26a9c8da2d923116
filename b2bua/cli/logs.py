"""`ringplan logs`: the log file for people, whole or what concerns one call or user, followed if wanted."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from config.logging import renderer_for

app = typer.Typer()
LOOK_AGAIN = 0.2
"""Seconds between two looks at the end of the file."""


@app.command("logs")
def command(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as the log grows.")] = False,
    call: Annotated[str | None, typer.Option("--call", help="Only this call, by its Call-ID.")] = None,
    user: Annotated[str | None, typer.Option("--user", help=f"Only this user. {console.USER}")] = None,
) -> None:
    """Show the log of the service."""
    settings = console.settings(context)
    path = settings.log_file
    if not follow and not path.exists():
        raise CommandError(f"{path}: there is no log yet.")
    wanted: dict[str, object] = {}
    if call is not None:
        wanted["call_id"] = call
    if user is not None:
        wanted["user"] = console.find_user(console.users(settings), user)
    render = renderer_for(settings.log.format, sys.stdout)
    try:
        for line in lines(path, follow):
            event = _event(line)
            if event is not None and wanted.items() <= event.items():
                print(render(event), flush=True)
    except KeyboardInterrupt:
        return


def lines(path: Path, follow: bool) -> Iterator[str]:
    """The whole lines of the file; with `follow` for ever, from its next file too after a rotation."""
    file: TextIO | None = None
    unfinished = ""
    while True:
        if file is None and path.exists():
            file = path.open(encoding="utf-8", errors="replace")
        while file is not None and (part := file.readline()):
            unfinished += part
            if unfinished.endswith("\n"):
                yield unfinished
                unfinished = ""
        if not follow:
            return
        if file is not None and _is_another(path, file):
            file.close()
            file, unfinished = None, ""
            continue
        time.sleep(LOOK_AGAIN)


def _is_another(path: Path, file: TextIO) -> bool:
    try:
        return not path.samefile(f"/proc/self/fd/{file.fileno()}")
    except FileNotFoundError:  # renamed, and the next one is not there yet
        return False


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:  # a line that a full disk cut short
        return None
    return event if isinstance(event, dict) else None
