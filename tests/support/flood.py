"""A flood of SIP requests from strangers, at a steady rate and for a limited time: a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process

TICK = 0.002  # seconds between two bursts
TEMPLATE = (
    "{method} sip:201@{target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKflood{number};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:x{number}@{host}>;tag=f{number}\r\nTo: <sip:201@{target}>\r\n"
    "Call-ID: flood-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{host}:{port}>\r\nUser-Agent: flood\r\n"
    "Content-Length: 0\r\n\r\n"
)


async def start(method: str, target: str, rate: int, seconds: float, sources: list[str]) -> Process:
    """Begin a flood on port 5060 of the target; its output is how many datagrams it sent."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, method, target, str(rate), str(seconds), *sources, stdout=PIPE
    )


def flood(method: str, target: str, rate: int, seconds: float, sources: list[str]) -> int:
    """Send; returns how many were sent. Answers are not read."""
    sockets = []
    for source in sources:
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        endpoint.bind((source, 0))
        endpoint.connect((target, 5060))
        sockets.append((endpoint, *endpoint.getsockname()))
    sent, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * rate:
            endpoint, host, port = sockets[sent % len(sockets)]
            text = TEMPLATE.format(method=method, target=target, host=host, port=port, number=sent)
            try:
                endpoint.send(text.encode())
            except OSError:
                pass  # an earlier datagram was not taken
            sent += 1
        time.sleep(TICK)
    return sent


def main() -> None:
    """`python -m tests.support.flood METHOD TARGET RATE SECONDS SOURCE…`"""
    parser = argparse.ArgumentParser()
    parser.add_argument("method")
    parser.add_argument("target")
    parser.add_argument("rate", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("sources", nargs="+")
    given = parser.parse_args()
    print(flood(given.method, given.target, given.rate, given.seconds, given.sources))


if __name__ == "__main__":
    main()
