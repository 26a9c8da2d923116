"""Users without e-mail.

SQLite cannot take NOT NULL off a column, so another column takes the place of this one.
Revision 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.add_column("users", sa.Column("email_or_none", sa.Text(), nullable=True))
    op.execute("UPDATE users SET email_or_none = email")
    op.drop_index("uq_users_customer_id_email", table_name="users")
    op.execute("ALTER TABLE users DROP COLUMN email")
    op.execute("ALTER TABLE users RENAME COLUMN email_or_none TO email")
    op.create_index(
        "uq_users_customer_id_email",
        "users",
        ["customer_id", "email"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
