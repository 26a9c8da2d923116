"""`ringplan voicemail list|export`: the messages on disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from b2bua.cli.schema import VoiceMessage, VoiceMessages
from config.settings import Settings
from media.mailbox import Mailbox

app = typer.Typer(help="List and export voice messages.")
UserOption = Annotated[str | None, typer.Option("--user", help=f"Only this user's. {console.USER}")]


@app.command("list")
def list_messages(
    context: typer.Context,
    user: UserOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")] = False,
) -> None:
    """List the messages of all mailboxes."""
    found = messages(console.settings(context), user)
    if as_json:
        console.show(VoiceMessages(messages=found))
    elif not found:
        print("No messages.")
    else:
        rows = [
            [
                one.user or f"(deleted, {one.mailbox})",
                one.state,
                one.received.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                "withheld" if one.withheld else one.number or "unknown",
                f"{one.seconds:.1f} s" + (" (cut off: disk full)" if one.incomplete else ""),
                one.message,
            ]
            for one in found
        ]
        print(console.table(["Mailbox", "State", "Received", "From", "Length", "Message"], rows))


@app.command("export")
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the WAV files go; made if it is not there.")],
    user: UserOption = None,
    message: Annotated[str | None, typer.Option("--message", help="Only this message, by its id.")] = None,
) -> None:
    """Copy messages as WAV files, named by user and message. Nothing is overwritten or removed."""
    chosen = [one for one in messages(console.settings(context), user) if message in (None, one.message)]
    if not chosen:
        raise CommandError("There is no such message." if message else "There are no messages.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in chosen:
            target = folder / f"{one.user or one.mailbox}-{one.message}.wav"
            if target.exists():
                raise CommandError(f"{target} is already there.")
            shutil.copy(one.path, target)
            print(target)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}") from None


def messages(settings: Settings, user: str | None = None) -> list[VoiceMessage]:
    """The messages of all mailboxes, or of the user whom `user` means. Raises CommandError."""
    users = console.users(settings)
    wanted = None if user is None else console.find_user(users, user)
    mailbox = Mailbox(settings.data_dir / "mailbox")
    return [
        VoiceMessage(
            user=users.name_of(owner),
            mailbox=owner,
            message=one.id,
            state=one.state,
            received=one.envelope.received,
            number=one.envelope.caller.number,
            name=one.envelope.caller.name,
            withheld=one.envelope.caller.withheld,
            occasion=one.envelope.occasion,
            seconds=one.seconds,
            incomplete=one.incomplete,
            call_id=one.envelope.call_id,
            path=str(one.path),
        )
        for owner in mailbox.mailboxes()
        if wanted in (None, owner)
        for one in mailbox.list(owner)
    ]
