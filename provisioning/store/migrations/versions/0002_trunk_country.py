"""The country whose national numbers a trunk writes.

Revision 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    # Not in a batch, which would make the table anew and lose its index over lower(name) on SQLite.
    op.add_column("trunks", sa.Column("country", sa.Text(), nullable=False, server_default="GB"))
