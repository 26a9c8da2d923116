"""The `ringplan` command."""
