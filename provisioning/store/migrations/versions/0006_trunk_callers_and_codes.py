"""Which number of a trunk's call is the caller, and what its refusals mean.

Revision 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    # Not in a batch, which would make the table anew and lose its index over lower(name) on SQLite.
    op.add_column("trunks", sa.Column("caller_from", sa.Text(), nullable=False, server_default="from"))
    op.add_column("trunks", sa.Column("next_trunk_codes", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("trunks", sa.Column("final_codes", sa.JSON(), nullable=False, server_default="[]"))
