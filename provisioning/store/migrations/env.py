"""What Alembic runs: our tables, over the engine that `provisioning.store.database` or a developer hands it."""

from __future__ import annotations

from alembic import context

from provisioning.store.model import SettingsVersion

with context.config.attributes["connection"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=SettingsVersion.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
