"""The messages of a call in one row instead of one each.

Revision 0003.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    connection = op.get_bind()
    op.rename_table("call_trace", "old_call_trace")
    op.drop_index("ix_call_trace_call_id", "old_call_trace")
    op.create_table(
        "call_trace",
        sa.Column("call", sa.Integer(), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.id"], name="fk_call_trace_call"),
        sa.PrimaryKeyConstraint("call", name="pk_call_trace"),
    )
    rows = connection.exec_driver_sql(
        "SELECT call_id, seq, time, direction, leg, peer, first_line, headers FROM old_call_trace ORDER BY id"
    ).all()
    calls: dict[str, Iterator[int]] = {}
    for call_id in {row.call_id for row in rows}:
        found = connection.execute(
            sa.text("SELECT id FROM calls WHERE call_id = :call_id ORDER BY id"), {"call_id": call_id}
        )
        calls[call_id] = iter(found.scalars().all())
    # The messages of a call were written in order, those of a later call with the same Call-ID behind them.
    messages: dict[int, list[object]] = {}
    current: dict[str, int | None] = {}
    for call_id, seq, time, direction, leg, peer, first_line, headers in rows:
        if seq == 0:
            current[call_id] = next(calls[call_id], None)
        if (call := current.get(call_id)) is not None:
            moment = datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
            entry = [moment, direction, leg, peer, first_line, json.loads(headers)]
            messages.setdefault(call, []).append(entry)
    for call, entries in messages.items():
        connection.execute(
            sa.text("INSERT INTO call_trace (call, messages) VALUES (:call, :messages)"),
            {"call": call, "messages": json.dumps(entries)},
        )
    op.drop_table("old_call_trace")
