"""Settings of customers and trunks that decide calls, and the numbers that nobody's calls are redirected to.

Revision 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    yes, no = sa.text("1"), sa.text("0")
    op.add_column("customers", sa.Column("users_override", sa.Boolean(), nullable=False, server_default=yes))
    op.add_column("customers", sa.Column("emergency_number", sa.Text(), nullable=True))
    op.add_column("trunks", sa.Column("trusted", sa.Boolean(), nullable=False, server_default=no))
    op.add_column("trunks", sa.Column("anonymous_code", sa.Integer(), nullable=False, server_default="433"))
    op.create_table(
        "blocked_numbers",
        sa.Column("number", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_blocked_numbers"),
    )
