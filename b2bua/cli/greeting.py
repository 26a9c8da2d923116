"""`ringplan greeting set|list|get|remove`: what callers hear before they leave a message.

Works on the files; the service, which may run or not, looks for them at each call.
"""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from b2bua.cli.schema import Greeting, GreetingList
from config.settings import Settings
from media import conversion, wav
from media.greetings import Greetings
from media.mailbox import Mailbox
from media.message import Occasion

app = typer.Typer(help="Users' own greetings: set, list, get, remove.")
WHEN: dict[str, str] = {
    "no-answer": "when nobody answers",
    "busy": "when the line is busy",
    "out-of-hours": "out of hours",
}
UserArgument = Annotated[str, typer.Argument(metavar="USER", help=console.USER)]
OccasionOption = Annotated[Occasion, typer.Option("--for", help="When callers hear it.")]


@app.command("set")
def set_greeting(
    context: typer.Context,
    user: UserArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="MP3 or WAV, at most 120 seconds and 5 MB.")],
    occasion: OccasionOption,
) -> None:
    """Make FILE the greeting that the user's callers hear. If it is refused, nothing changes."""
    settings = console.settings(context)
    owner = user_id(settings, user)
    greetings = of(settings)
    had = greetings.of(owner, occasion) is not None
    stays = (
        f"{user}'s greeting stays as it was." if had else f"{user} goes on without a greeting of their own."
    )
    try:
        with file.open("rb") as upload:
            content = upload.read(conversion.MAX_UPLOAD_BYTES + 1)
        samples = asyncio.run(conversion.convert(content))
        greetings.put(owner, occasion, samples)
    except conversion.GreetingRefused as refused:
        raise CommandError(f"{file} was refused. {refused}\n{stays}") from None
    except OSError as error:
        raise CommandError(f"{error.filename or file}: {error.strerror}.\n{stays}") from None
    seconds = len(samples) / wav.BYTES_PER_SECOND
    print(f"{user}: callers hear {file.name} ({seconds:.1f} s) {WHEN[occasion]}.")


@app.command("list")
def list_greetings(
    context: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help=f"Only this user's. {console.USER}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")] = False,
) -> None:
    """List the greetings that users have of their own."""
    settings = console.settings(context)
    found = greeting_list(settings, None if user is None else user_id(settings, user))
    if as_json:
        console.show(GreetingList(greetings=found))
    elif not found:
        print("No greetings: callers hear the system's.")
    else:
        rows = [
            [
                one.user or f"(deleted, {one.mailbox})",
                one.occasion,
                f"{one.seconds:.1f} s",
                one.set_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            ]
            for one in found
        ]
        print(console.table(["User", "For", "Length", "Set"], rows))


@app.command("get")
def get(
    context: typer.Context,
    user: UserArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the WAV file goes.")],
    occasion: OccasionOption,
) -> None:
    """Copy a user's greeting to FILE, which may not be there yet."""
    settings = console.settings(context)
    path = of(settings).of(user_id(settings, user), occasion)
    if path is None:
        raise CommandError(f"{user} has no greeting for {occasion}.")
    try:
        with path.open("rb") as source, file.open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except FileExistsError:
        raise CommandError(f"{file} is already there.") from None
    except OSError as error:
        raise CommandError(f"{error.filename or file}: {error.strerror}.") from None
    print(file)


@app.command("remove")
def remove(context: typer.Context, user: UserArgument, occasion: OccasionOption) -> None:
    """Remove a user's greeting; callers hear the system's again."""
    settings = console.settings(context)
    owner = user_id(settings, user)
    try:
        removed = of(settings).remove(owner, occasion)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}.") from None
    if not removed:
        raise CommandError(f"{user} has no greeting for {occasion}.")
    now_heard = of(settings).heard(owner, occasion)
    whose = "the system's greeting" if now_heard is None else f"the greeting for {now_heard.stem}"
    print(f"{user}: callers hear {whose} {WHEN[occasion]}.")


def of(settings: Settings) -> Greetings:
    """The greetings of this data directory."""
    return Greetings(settings.data_dir / "mailbox")


def user_id(settings: Settings, name: str) -> int:
    """The id of the user whom `name` means. Raises CommandError."""
    return console.find_user(console.users(settings), name)


def greeting_list(settings: Settings, user: int | None = None) -> list[Greeting]:
    """The greetings of all users, or of one, by id."""
    users, greetings = console.users(settings), of(settings)
    found = []
    for owner in Mailbox(settings.data_dir / "mailbox").mailboxes():
        for occasion in Occasion:
            path = greetings.of(owner, occasion)
            if path is not None and user in (None, owner):
                found.append(
                    Greeting(
                        user=users.name_of(owner),
                        mailbox=owner,
                        occasion=occasion,
                        seconds=round(wav.seconds(path), 2),
                        set_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
                        path=str(path),
                    )
                )
    return found
