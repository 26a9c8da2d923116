"""The call log: one record a call, written behind it in batches, with the messages of its ladder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import Select, Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from provisioning.store import model

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as it ended. Times are aware; `plan`, `steps` and `rtp` are plain JSON.

    `call_id` is the caller's leg's, `leg_call_ids` those of our own legs in the order they were made. `steps`
    holds each step that was tried with its result, `explanation` plan and steps in sentences. Of a caller who
    withheld, neither number nor name is kept: what is passed is dropped here, so that it cannot reach the disk
    (BEHAVIOUR A3).
    """

    call_id: str
    started_at: datetime
    ended_at: datetime
    dialled: str
    rule: str
    outcome: str
    answered_at: datetime | None = None
    leg_call_ids: tuple[str, ...] = ()
    caller_user: int | None = None
    caller_number: str | None = None
    caller_name: str | None = None
    withheld: bool = False
    called_user: int | None = None
    plan: Json = field(default_factory=dict)
    steps: Sequence[Json] = ()
    explanation: Sequence[str] = ()
    code: int | None = None
    hung_up_by: str | None = None
    rtp: Json = field(default_factory=dict)
    message_id: str | None = None
    message_path: str | None = None

    def __post_init__(self) -> None:
        if self.withheld:
            object.__setattr__(self, "caller_number", None)
            object.__setattr__(self, "caller_name", None)


class TraceEntry(NamedTuple):
    """One message of a call's ladder, stored as it is: a JSON array.

    `time` is seconds since 1970; `direction` is seen from us; `peer` is `ip:port`; `headers` are the key ones as
    (name, value) pairs.
    """

    time: float
    direction: Literal["in", "out"]
    leg: str
    peer: str
    first_line: str
    headers: Sequence[tuple[str, str]] = ()


# Made once: a statement is many objects in cycles, and the log is written every half second.
_NEWEST = select(func.max(model.Call.id))
_INTO_CALLS, _INTO_LEGS, _INTO_TRACES = (
    insert(cast(Table, table.__table__)) for table in (model.Call, model.CallLeg, model.Trace)
)
_FIELDS = [column.name for column in fields(CallRecord) if column.name != "leg_call_ids"]


async def write_calls(
    session: AsyncSession, calls: Iterable[tuple[CallRecord, Sequence[TraceEntry]]]
) -> None:
    """Add these to the log, each with its messages in order. Only one transaction at a time may do so.

    Three statements whatever the number of calls, and no ORM: that took a quarter of a call's CPU.
    """
    rows: list[Json] = []
    legs: list[Json] = []
    traces: list[Json] = []
    newest = (await session.execute(_NEWEST)).scalar_one()
    for number, (record, trace) in enumerate(calls, (newest or 0) + 1):
        rows.append({"id": number, **{name: getattr(record, name) for name in _FIELDS}})
        legs += [
            {"call": number, "position": position, "call_id": call_id}
            for position, call_id in enumerate(record.leg_call_ids)
        ]
        if trace:
            traces.append({"call": number, "messages": trace})
    for statement, values in ((_INTO_CALLS, rows), (_INTO_LEGS, legs), (_INTO_TRACES, traces)):
        if values:
            await session.execute(statement, values)


async def read_calls(
    session: AsyncSession, limit: int, since: datetime | None, user: int | None
) -> tuple[CallRecord, ...]:
    """The newest calls first, at most `limit`, those that began at or after `since`, from or to `user`."""
    query = _query().limit(limit)
    if since is not None:
        query = query.where(model.Call.started_at >= since)
    if user is not None:
        query = query.where((model.Call.caller_user == user) | (model.Call.called_user == user))
    return tuple(_record(row) for row in (await session.scalars(query)).all())


async def read_call(session: AsyncSession, call_id: str) -> tuple[CallRecord, tuple[TraceEntry, ...]] | None:
    """The newest call with this Call-ID on any leg, and its messages in order; None if there is none."""
    ours = select(model.CallLeg.call).where(model.CallLeg.call_id == call_id)
    query = _query().where((model.Call.call_id == call_id) | model.Call.id.in_(ours)).limit(1)
    row = (await session.scalars(query)).first()
    if row is None:
        return None
    trace = await session.get(model.Trace, row.id)
    traces = tuple(
        TraceEntry(*entry)._replace(headers=tuple((name, value) for name, value in entry[-1]))
        for entry in (trace.messages if trace is not None else ())
    )
    return _record(row), traces


def _query() -> Select[model.Call]:
    return (
        select(model.Call)
        .options(selectinload(model.Call.legs))
        .order_by(model.Call.started_at.desc(), model.Call.id.desc())
    )


def _record(row: model.Call) -> CallRecord:
    return CallRecord(
        **{name: getattr(row, name) for name in _FIELDS if name not in ("steps", "explanation")},
        steps=tuple(row.steps),
        explanation=tuple(row.explanation),
        leg_call_ids=tuple(leg.call_id for leg in row.legs),
    )
