"""The company file: TOML, read into entries and applied."""
