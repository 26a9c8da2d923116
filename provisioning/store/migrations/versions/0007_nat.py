"""Whether a trunk or device is behind NAT, as a setting.

Revision 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    for table in ("trunks", "devices"):
        op.add_column(table, sa.Column("nat", sa.Text(), nullable=False, server_default="auto"))
