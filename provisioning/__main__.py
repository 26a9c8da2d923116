"""`python -m provisioning`: the process that tells people of messages and missed calls. Ends on SIGTERM.

No call waits for it: what others queue while it is away, it tells when it is back.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog

from config.logging import announce_ready, configure
from config.settings import ConfigError, Settings, load
from provisioning.notifier.notifier import Notifier
from provisioning.notifier.tellers import tellers
from provisioning.store.errors import StoreError
from provisioning.store.store import open_store

log = structlog.get_logger()

STOP_LIMIT = 8.0
"""Seconds for what is being told at the end; what is cut off is told again after the next start."""


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises StoreError, OSError or ValueError where it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with await open_store(settings.data_dir) as store:
        notifier = Notifier(store, tellers(settings))
        work = asyncio.create_task(notifier.run())
        told = asyncio.create_task(stop.wait())
        announce_ready()
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        notifier.stop()
        _, late = await asyncio.wait({work}, timeout=STOP_LIMIT)
        told.cancel()
        work.cancel()
        await asyncio.wait({work})
        if not late:
            work.result()


def main() -> int:
    """Run the process; the exit code is 0 after an ordered stop, 1 where it could not start, 2 for wrong settings."""
    try:
        settings = load()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    configure("provisioning", settings.log)
    try:
        asyncio.run(serve(settings))
    except (StoreError, OSError, ValueError) as error:
        log.error("process.refused", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
