"""The `ringplan` command, run in this process against a data directory of its own."""
