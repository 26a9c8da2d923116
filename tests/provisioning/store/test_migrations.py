"""What older versions stored is still there after their schema was brought up to date."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from sqlalchemy import URL, create_engine

from provisioning.store.migrating import upgrade
from provisioning.store.secrets import create_key
from provisioning.store.store import database, open_store
from provisioning.store.transactions import begin_transactions

CALL = {
    "started_at": "2030-06-01 12:00:00.000000",
    "ended_at": "2030-06-01 12:00:30.000000",
    "withheld": 0,
    "dialled": "202",
    "plan": "{}",
    "rule": "R9",
    "steps": "[]",
    "explanation": "[]",
    "outcome": "answered",
    "rtp": "{}",
}


def make(data: Path, revision: str, *statements: tuple[str, dict[str, object]]) -> None:
    """A database as the version with this schema left it."""
    create_key(data / database.KEY)
    upgrade(data / database.DATABASE, database.MIGRATIONS, revision)
    engine = create_engine(URL.create("sqlite", database=str(data / database.DATABASE)))
    begin_transactions(engine)
    with engine.begin() as connection:
        for table, row in statements:
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({values})", row)
    engine.dispose()


def message(call_id: str, seq: int, line: str) -> tuple[str, dict[str, object]]:
    row = {"call_id": call_id, "seq": seq, "time": f"2030-06-01 12:00:0{seq}.250000", "direction": "in"}
    row |= {"leg": "a", "peer": "127.0.0.2:5060", "first_line": line, "headers": json.dumps([["To", "x"]])}
    return "call_trace", row


def test_the_messages_of_each_call_stay_its_own_though_a_call_id_came_twice(tmp_path: Path) -> None:
    make(
        tmp_path,
        "0001",
        *(
            ("calls", {"id": number, "call_id": name, **CALL})
            for number, name in ((1, "x"), (2, "y"), (3, "x"))
        ),
        message("x", 0, "first"),
        message("y", 0, "other"),
        message("x", 1, "first again"),
        message("x", 0, "second"),
        message("z", 0, "of a call that was dropped"),
    )

    async def read() -> list[list[tuple[float, str]]]:
        async with await open_store(tmp_path) as store:
            found = [await store.call(call_id) for call_id in ("x", "y")]
            return [[(entry.time, entry.first_line) for entry in one[1]] for one in found if one is not None]

    # 2030-06-01 12:00:00 UTC, and a quarter.
    assert asyncio.run(read()) == [[(1906545600.25, "second")], [(1906545600.25, "other")]]
    engine = create_engine(URL.create("sqlite", database=str(tmp_path / database.DATABASE)))
    with engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT call, messages FROM call_trace ORDER BY call").all()
    engine.dispose()
    assert [(call, [entry[4] for entry in json.loads(text)]) for call, text in rows] == [
        (1, ["first", "first again"]),
        (2, ["other"]),
        (3, ["second"]),
    ]


def test_users_keep_their_emails_when_these_become_optional(tmp_path: Path) -> None:
    flags = ("suspended", "reject_anonymous", "withhold_number", "notify_missed_call", "notify_voicemail")
    user = {"id": 7, "customer_id": 1, "name": "Anna", "email": "anna@acme.example", "max_calls": 1}
    user |= dict.fromkeys((*flags, "out_of_hours_enabled"), 0)
    customer = {"id": 1, "name": "Acme", "country": "GB", "timezone": "Europe/London", "hardware_only": 0}
    customer |= {"suspended": 0, "allowed_classes": "[]"}
    make(tmp_path, "0009", ("customers", customer), ("users", user))

    async def read() -> int:
        async with await open_store(tmp_path) as store:
            return (await store.users()).find("anna@acme.example@Acme").id

    assert asyncio.run(read()) == 7
