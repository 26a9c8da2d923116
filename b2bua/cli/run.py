"""`ringplan run`: the whole service in the foreground."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from b2bua.cli import console
from b2bua.cli.console import CommandError
from b2bua.cli.demo import banner, ensure_demo
from b2bua.cli.lan import lan_address
from b2bua.supervisor import service
from config.settings import Settings
from provisioning.store.store import Store

app = typer.Typer()


@app.command("run")
def command(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="Make a demo company if there is none.")] = False,
    lan: Annotated[bool, typer.Option("--lan", help="Listen on this machine's network address.")] = False,
) -> None:
    """Start all processes and keep them running until Ctrl-C or SIGTERM."""
    settings = console.settings(context)
    if lan:
        # By the environment, which wins over the file and reaches the other processes.
        os.environ["RINGPLAN_SIP__UDP"] = f"{lan_address()}:{settings.sip.udp.port}"
        settings = console.settings(context)
    try:
        with service.only_instance(settings.data_dir):
            service.check(settings)
            text = _demo(settings, lan) if demo else ""
            service.run(settings, console.config_file(context), text)
    except service.StartError as error:
        raise CommandError(str(error)) from None


def _demo(settings: Settings, lan: bool) -> str:
    async def work(store: Store) -> str:
        return await banner(store, settings, await ensure_demo(store, settings), lan)

    return console.with_store(settings, work)
