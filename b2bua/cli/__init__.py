"""The `ringplan` command."""

from b2bua.cli.main import main

__all__ = ["main"]
