"""The registrar (RFC 3261 §10): where the devices of each account are. Pure: time is an argument."""
