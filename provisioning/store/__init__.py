"""The SQLite database of settings, calls and what is to be told, and the key of its secrets."""
