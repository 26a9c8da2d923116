#!/bin/bash
# uvloop hands over all datagrams that wait in a socket before any callback of call_soon runs; asyncio one at a time.
#
# Package    uvloop 0.23.0 from PyPI, beside asyncio of the Python at hand (3.11, 3.12)
# Input      twenty datagrams that wait in one socket; `datagram_received` puts each in a list and asks, by `call_soon`,
#            for a callback that empties the list
# One would guess   uvloop is a drop-in replacement: the order of callbacks is the same
# Seen       asyncio: the list never holds more than one. uvloop: it holds many at the first callback. A program that sorts or
#            drops what waits behaves differently under load, and a test with asyncio's loop cannot see it.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check uvloop==0.23.0
cat > "$here/try.py" <<'PYTHON'
import asyncio
import socket
import sys

import uvloop

print("Python", sys.version.split()[0], "uvloop", uvloop.__version__)


class Receiver(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.turns: list[int] = []
        self.all = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.waiting.append(data)
        asyncio.get_running_loop().call_soon(self.take)

    def take(self) -> None:
        if self.waiting:
            self.turns.append(len(self.waiting))
            self.waiting.clear()
        if sum(self.turns) == 20 and not self.all.done():
            self.all.set_result(None)


async def main() -> list[int]:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(20):
            sender.sendto(b"%d" % number, bound.getsockname())
    transport, receiver = await asyncio.get_running_loop().create_datagram_endpoint(Receiver, sock=bound)
    await asyncio.wait_for(receiver.all, 5)
    transport.close()
    return receiver.turns


plain = asyncio.run(main())
with_uvloop = uvloop.run(main())
print("waiting at each callback, asyncio:", plain)
print("waiting at each callback, uvloop: ", with_uvloop)
assert plain == [1] * 20, "another behaviour than was found"
assert max(with_uvloop) > 1, "another behaviour than was found"
print("as found")
PYTHON
"$here/venv/bin/python" "$here/try.py"
