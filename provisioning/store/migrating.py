"""Alembic, run over a SQLite file. Loaded only where a schema has to be made or changed: it takes a while."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, NullPool, create_engine

from provisioning.store.transactions import begin_transactions


def upgrade(database: Path, migrations: Path, revision: str = "head") -> None:
    """Bring a file to a revision, by all that are missing, in one transaction."""
    engine = create_engine(URL.create("sqlite", database=str(database)), poolclass=NullPool)
    begin_transactions(engine)
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = engine
    command.upgrade(config, revision)
    engine.dispose()
