#!/bin/bash
# asyncio-dgram: what failed for one peer is raised when something is sent to another, or received from anybody.
#
# Package    asyncio-dgram 3.0.0 from PyPI
# Input      one bound socket. A datagram to a first address that the system refuses at once (broadcast is not switched
#            on: EACCES), then one to a second address that is fine.
# One would guess   the first send raises, the second works
# Seen       the first send returns as if all were well; the second one, to a healthy peer, raises the PermissionError of
#            the first, and its datagram is not sent. A loop "send to each; drop those that raise" drops the wrong peer.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check asyncio-dgram==3.0.0
cat > "$here/try.py" <<'PYTHON'
import asyncio
import socket
import sys

import asyncio_dgram

print("Python", sys.version.split()[0])


async def main() -> None:
    healthy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    healthy.bind(("127.0.0.1", 0))
    healthy.settimeout(2)
    sender = await asyncio_dgram.bind(("127.0.0.1", 0))

    async def send(data: bytes, to: tuple[str, int]) -> str:
        try:
            await sender.send(data, to)
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        return "no error"

    first = await send(b"one", ("255.255.255.255", 5060))
    await asyncio.sleep(0)
    second = await send(b"two", healthy.getsockname())
    arrived = None
    try:
        arrived = healthy.recv(100)
    except TimeoutError:
        pass
    third = await send(b"three", healthy.getsockname())
    sender.close()
    print(f"to the refused address: {first}")
    print(f"to the healthy peer:    {second}; arrived there: {arrived!r}")
    print(f"once more:              {third}")
    assert first == "no error" and "PermissionError" in second and arrived is None, "another behaviour than was found"
    assert third == "no error", "another behaviour than was found"
    print("as found")


asyncio.run(main())
PYTHON
"$here/venv/bin/python" "$here/try.py"
