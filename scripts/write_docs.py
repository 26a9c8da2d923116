"""Writes the pages of docs/ that are printed from code: `python -m scripts.write_docs`. A test sees stale ones."""

from __future__ import annotations

from pathlib import Path

from b2bua.cli import schema
from config import events

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write docs/events.md and docs/json.md."""
    (DOCS / "events.md").write_text(events.as_markdown(), "utf-8")
    (DOCS / "json.md").write_text(schema.as_markdown(), "utf-8")


if __name__ == "__main__":
    main()
