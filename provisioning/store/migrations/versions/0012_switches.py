"""What the partner lets users and administrators change; who redirects where, found without reading all users.

Revision 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SWITCHES = (
    "users_notifications",
    "users_devices",
    "users_profile",
    "administrators_users",
    "administrators_numbers",
)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "permission_switches",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in SWITCHES),
        sa.PrimaryKeyConstraint("id", name="pk_permission_switches"),
    )
    for table, column in (
        ("treatments", "target_user_id"),
        ("treatments", "target_number"),
        ("users", "permanent_redirect"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
