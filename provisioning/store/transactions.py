"""Who begins a transaction on SQLite: SQLAlchemy, where it says so, and not Python's sqlite3."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event


def begin_transactions(engine: Engine) -> None:
    """Begin every transaction where SQLAlchemy says so, with the option `begin` of the connection.

    Python's sqlite3 would do it itself: late, and neither for reading nor for changes of the schema.
    """

    @event.listens_for(engine, "connect")
    def leave_it_to_us(connection: Any, record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
