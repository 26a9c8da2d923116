"""The machine's address in its local network."""

from __future__ import annotations

import socket

from b2bua.cli.console import CommandError

ELSEWHERE = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): asking for the route to it sends nothing."""


def lan_address() -> str:
    """The IPv4 address that this machine uses towards its network. Raises CommandError when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            raise CommandError(
                "This machine has no route to a network; set RINGPLAN_SIP__UDP to its address instead of LAN=1."
            ) from None
        return str(probe.getsockname()[0])
