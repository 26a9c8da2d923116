"""Data directories made once a run and copied for each test: making a schema and applying a file take long."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from argon2 import PasswordHasher

from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.store import open_store

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes PINs and passwords quickly."""
_made: dict[str, tempfile.TemporaryDirectory[str]] = {}


async def data_directory(path: Path, company: str = "") -> Path:
    """A fresh data directory at `path` with what a company file says; all copies have the same secret.key."""
    if company not in _made:
        made = tempfile.TemporaryDirectory(prefix="template-")
        async with await open_store(Path(made.name, "data"), CHEAP) as store:
            if company:
                await apply_changes(store, parse_company_file(company))
        _made[company] = made
    shutil.copytree(Path(_made[company].name, "data"), path)
    return path
