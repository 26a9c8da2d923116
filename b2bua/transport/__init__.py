"""Sockets that carry SIP, behind the core's `Wire`."""
