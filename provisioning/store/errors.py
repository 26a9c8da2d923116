"""What can go wrong with the data directory, told so that an operator knows what to do."""

from __future__ import annotations


class StoreError(Exception):
    """The data directory cannot be used as it is. The text says why, and the remedy."""
