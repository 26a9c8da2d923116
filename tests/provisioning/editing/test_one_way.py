"""Nothing but editing raises settings_version: what import rules cannot see, because the store is everybody's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
WRITERS = {"bump_version"}
ALLOWED = {"provisioning/editing/accounts.py", "provisioning/editing/edit.py"}


def uses(source: str) -> Iterator[str]:
    """Which of the writers a file names."""
    for node in ast.walk(ast.parse(source)):
        names = (
            [node.attr]
            if isinstance(node, ast.Attribute)
            else [node.id]
            if isinstance(node, ast.Name)
            else []
        )
        if isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        yield from WRITERS.intersection(names)


def test_only_editing_raises_the_version_of_settings() -> None:
    files = (
        path for package in ("b2bua", "media", "provisioning") for path in (ROOT / package).rglob("*.py")
    )
    found = {str(path.relative_to(ROOT)) for path in files if list(uses(path.read_text()))}
    assert found == ALLOWED


def test_whoever_does_it_is_found() -> None:
    assert list(uses("await store.bump_version(session)"))
    assert list(uses("from provisioning.store.store import bump_version"))
    assert not list(uses("store.writing()"))
