"""Rows by the values of one column, however many values there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

CHUNK = 10_000
"""Values in one query: SQLite takes 32,766."""


async def matching(
    session: AsyncSession,
    query: Select[*tuple[Any, ...]],
    column: InstrumentedAttribute[Any] | ColumnElement[Any],
    values: Collection[Any],
) -> Sequence[Row[Any]]:
    """The rows of the query whose column is one of the values; none asks nothing."""
    found: list[Row[Any]] = []
    left = iter(sorted(values))
    while chunk := list(islice(left, CHUNK)):
        found += (await session.execute(query.where(column.in_(chunk)))).all()
    return found
