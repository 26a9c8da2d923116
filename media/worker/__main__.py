"""`python -m media.worker SETTINGS`: started by the media host only; SETTINGS is JSON (`WorkerSettings`)."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import signal
import socket
import sys

from media.worker.endpoint import Worker
from media.worker.link import WorkerEnd, WorkerSettings


def main() -> None:
    """Run a worker on the settings in the first argument. Only the host's end of file ends it."""
    settings = WorkerSettings(**json.loads(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            number, signal.SIG_IGN
        )  # a Ctrl-C reaches the whole group; the host decides when to end
    gc.disable()  # pjsua2's objects must be freed by this thread and in order, never by a collection
    lock = os.open(settings.lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    Worker(settings, WorkerEnd(socket.socket(fileno=settings.control))).run()
    sys.stdout.flush()
    os._exit(0)  # no destructors: see above


if __name__ == "__main__":
    main()
