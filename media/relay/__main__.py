"""`python -m media.relay`: the relay process. Reads the settings of every process; ends on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import sys

from config.logging import configure
from config.settings import ConfigError, load
from media.relay.engine import Engine
from media.relay.errors import RelayError
from media.relay.host import run


def main() -> None:
    """Run the relay; a wrong configuration, or a relay that cannot start, ends it with a sentence."""
    try:
        settings = load()
        configure("relay", settings.log)
        engine = Engine(settings)
        asyncio.run(run(settings, engine))
    except (ConfigError, RelayError, OSError) as error:
        sys.exit(f"relay: {error}")
    sys.stdout.flush()
    os._exit(0)  # at once: taking rtp_io apart would need a second


if __name__ == "__main__":
    main()
