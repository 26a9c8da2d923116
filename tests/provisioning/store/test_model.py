from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from provisioning.store.base import Base, UtcTime
from provisioning.store.database import prepare
from provisioning.store.model import Customer, Trunk


def test_the_migrations_make_exactly_the_tables_of_the_model(tmp_path: Path) -> None:
    path, _ = prepare(tmp_path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, warnings.catch_warnings():
        # Indexes over expressions cannot be compared on SQLite: the next test looks at what they do.
        warnings.filterwarnings("ignore", message=".*expression-based index")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_names_that_differ_by_case_only_are_the_same(tmp_path: Path) -> None:
    path, _ = prepare(tmp_path)
    engine = create_engine(f"sqlite:///{path}")
    company = {
        "country": "GB",
        "timezone": "Europe/London",
        "hardware_only": False,
        "suspended": False,
        "allowed_classes": [],
    }
    with engine.begin() as connection:
        connection.execute(insert(Customer), [{"name": "Acme Ltd", **company}])
        assert connection.execute(select(Customer.name)).scalar_one() == "Acme Ltd"
        with pytest.raises(IntegrityError):
            connection.execute(insert(Customer), [{"name": "ACME Ltd", **company}])
    names = {
        name
        for (name,) in engine.connect().exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%lower(%'"
        )
    }
    assert names == {"uq_customers_name", "uq_trunks_name", "uq_devices_username"}
    assert Trunk.__tablename__ == "trunks"


def test_times_are_kept_in_utc_and_a_naive_one_is_refused() -> None:
    column, dialect = UtcTime(), sqlite.dialect()
    noon = datetime(2030, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    stored = column.process_bind_param(noon, dialect)
    assert stored == datetime(2030, 6, 1, 10)
    assert column.process_result_value(stored, dialect) == datetime(2030, 6, 1, 10, tzinfo=UTC)
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None
    with pytest.raises(ValueError, match="zone"):
        column.process_bind_param(datetime(2030, 6, 1), dialect)
