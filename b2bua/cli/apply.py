"""`ringplan apply`: makes the database say what a company file says."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from b2bua.callplan.codes import Codes
from b2bua.cli import console
from b2bua.cli.console import CommandError
from provisioning.company.changes import Applied
from provisioning.control import notify_changed
from provisioning.editing.access import Way
from provisioning.editing.refusals import TakesBack
from provisioning.file.apply import apply_changes, plan_changes
from provisioning.file.company_file import CompanyFile, read_company_file
from provisioning.file.refusal import CompanyFileError
from provisioning.limits import limits_of
from provisioning.store.store import Store

app = typer.Typer()


@app.command("apply")
def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The company file (docs/company-file.md).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Delete users whom the file's customers do not name, and trunks where it names others.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Take back what was changed elsewhere since the file was last applied or exported.",
        ),
    ] = False,
) -> None:
    """Apply a company file, in one transaction, after showing what changes."""
    settings = console.settings(context)
    limits = limits_of(settings)
    company = _read(file, limits.codes)
    actor = console.operator(Way.FILE)
    changed = partial(notify_changed, settings.run_dir / "control.sock")

    async def work(store: Store) -> Applied | None:
        print(await plan_changes(store, company, prune=prune, limits=limits, actor=actor), flush=True)
        if dry_run:
            return None
        return await apply_changes(
            store, company, prune=prune, overwrite=overwrite, limits=limits, changed=changed, actor=actor
        )

    try:
        done = console.with_store(settings, work)
    except CompanyFileError as error:
        raise CommandError(str(error)) from None
    except TakesBack:
        raise CommandError(
            f"Nothing was written: {file} would take back what was changed elsewhere since it was last applied or "
            "exported. Write those changes into the file (ringplan export shows them), or use --overwrite."
        ) from None
    console.saved(done)


def _read(path: Path, codes: Codes) -> CompanyFile:
    try:
        return read_company_file(path, codes)
    except CompanyFileError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{path}: the company file cannot be read: {error.strerror}") from None
