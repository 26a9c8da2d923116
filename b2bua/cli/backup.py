"""`ringplan backup` and `ringplan restore`: a copy of all that must not be lost, and putting it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from b2bua.supervisor.service import StartError, only_instance
from provisioning.store.backup import Manifest, take_backup
from provisioning.store.errors import StoreError
from provisioning.store.restore import restore_backup

app = typer.Typer()


@app.command("backup")
def backup(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the backup goes, in a folder named by its time.")
    ],
) -> None:
    """Back up the database, its key, the voice messages and greetings, as of one moment. The service may run."""
    try:
        taken = take_backup(console.settings(context).data_dir, folder)
    except StoreError as error:
        raise CommandError(str(error)) from None
    print(f"{taken.path}: {_words(taken.manifest)}.")
    for path in taken.left_out:
        print(f"Left out: {path} (a link, or a message without its sound)")


@app.command("restore")
def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="A folder that `ringplan backup` made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Keep the present data aside and replace it.")
    ] = False,
) -> None:
    """Make the data directory what it was when the backup was taken. The service must be stopped."""
    data_dir = console.settings(context).data_dir
    try:
        with only_instance(data_dir):
            restored = restore_backup(folder, data_dir, force)
    except (StartError, StoreError) as error:
        raise CommandError(str(error)) from None
    taken_at = restored.manifest.taken_at.astimezone()
    print(f"Restored {data_dir} as of {taken_at:%Y-%m-%d %H:%M:%S %Z}: {_words(restored.manifest)}.")
    if restored.kept is not None:
        print(f"What was there before is kept in {restored.kept}.")


def _words(manifest: Manifest) -> str:
    things = ((manifest.messages, "message"), (manifest.greetings, "greeting"))
    counted = ", ".join(f"{number} {thing}{'s' if number != 1 else ''}" for number, thing in things)
    return f"schema {manifest.schema_revision}, {counted}, {manifest.size / 1e6:.1f} MB"
