"""`python -m media`: the media host process. Reads the settings of every process; ends on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from config.logging import announce_ready, configure
from config.settings import ConfigError, Settings, load
from media.archive import StillWriting
from media.host import HostSettings, MediaHost
from provisioning.mailboxes.late_owners import LateOwners
from provisioning.mailboxes.owners import StoredOwners
from provisioning.notifier.channels import channels
from provisioning.store.store import open_store


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish every recording.

    The database is opened beside: without it messages are taken as ever, only the voice portal is shut.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    async def open_owners() -> StoredOwners:
        store = await open_store(settings.data_dir)
        return StoredOwners(store, settings.run_dir / "control.sock", channels(settings))

    owners = LateOwners(open_owners)
    telling = loop.create_task(owners.run())
    host = MediaHost(HostSettings.of(settings), owners)
    starting = loop.create_task(host.start())
    stopping = loop.create_task(stopped.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
    elif starting.exception() is None:
        announce_ready()
        await stopping
    stopping.cancel()
    await host.stop()
    telling.cancel()
    await asyncio.wait({telling})
    await owners.close()
    if not starting.cancelled():
        starting.result()


def main() -> None:
    """Run the media host; a wrong configuration, or a host that cannot start, ends it with a sentence."""
    # What callers say is for nobody else on this machine; the workers inherit this.
    os.umask(0o077)
    try:
        settings = load()
        configure("media", settings.log)
        asyncio.run(run(settings))
    except (ConfigError, StillWriting, OSError) as error:
        sys.exit(f"media: {error}")


if __name__ == "__main__":
    main()
