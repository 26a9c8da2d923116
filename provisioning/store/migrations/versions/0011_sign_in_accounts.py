"""Accounts that people sign in with, and how many users and numbers a customer may have.

Revision 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "sign_in_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("second_factor", sa.LargeBinary(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_accounts"),
        sa.UniqueConstraint("email", name="uq_sign_in_accounts_email"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sign_in_roles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["sign_in_accounts.id"], name="fk_sign_in_roles_account_id"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_sign_in_roles_customer_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sign_in_roles_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_roles"),
    )
    for column in ("account_id", "customer_id", "user_id"):
        op.create_index(f"ix_sign_in_roles_{column}", "sign_in_roles", [column])
    op.add_column("customers", sa.Column("max_users", sa.Integer(), nullable=True))
    op.add_column("customers", sa.Column("max_numbers", sa.Integer(), nullable=True))
