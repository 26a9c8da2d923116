"""The open store of one data directory: the sessions everybody reads and writes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from argon2 import PasswordHasher
from sqlalchemy import URL, event, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from provisioning.company.known import KnownUsers
from provisioning.store import bindings, calllog, database, directory, outbox
from provisioning.store.bindings import StoredBinding
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.directory import Directory
from provisioning.store.errors import StoreError
from provisioning.store.model import Audit, SettingsVersion, User
from provisioning.store.outbox import CallMissed, Channel
from provisioning.store.pins import hash_matches, pin_hasher
from provisioning.store.secrets import SecretKey
from provisioning.store.transactions import begin_transactions

EDITORS = 100
"""Changes that are looked at for who made them."""
BUSY_TIMEOUT = 5000  # ms that a writer waits for another process's transaction


class Store:
    """Settings, bindings and call log of one data directory. Close it, or use it with `async with`."""

    def __init__(self, engine: AsyncEngine, key: SecretKey, hasher: PasswordHasher) -> None:
        self._engine = engine
        # A transaction that will write says so at once: one that turned from reading to writing could find
        # that another process had written in between, and would fail instead of wait (SQLite, WAL).
        self._writer = engine.execution_options(begin="BEGIN IMMEDIATE")
        # Writers of this process stand in line. SQLite lets them look again after ever longer pauses instead, so that
        # of many at once some find the file locked until they give up.
        self._turn = asyncio.Lock()
        self._path = Path(str(engine.url.database))
        self.key = key
        self.hasher = hasher

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the file back."""
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database, whatever others write meanwhile."""
        with _trouble_told(self._path):
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back if an exception leaves it."""
        with _trouble_told(self._path):
            async with (
                self._turn,
                AsyncSession(self._writer, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    async def settings_version(self) -> int:
        """The number that every change of settings raises; cheap enough to ask every second."""
        async with self.reading() as session:
            return await read_version(session)

    async def editors(self, since: int) -> tuple[str, ...]:
        """Who changed settings after that version, each once; of very many changes only the newest are looked at."""
        query = select(Audit.version, Audit.actor).order_by(Audit.id.desc()).limit(EDITORS)
        async with self.reading() as session:
            newest = (await session.execute(query)).all()
        return tuple(dict.fromkeys(row.actor for row in reversed(newest) if row.version > since))

    async def directory(self, realm: str) -> Directory:
        """All settings at one version, with the accounts' digests for `realm`."""
        async with self.reading() as session:
            return await directory.read_directory(session, self.key, realm)

    async def users(self) -> KnownUsers:
        """All users by what they are known by; no secret is read."""
        async with self.reading() as session:
            return KnownUsers(await directory.read_users(session))

    async def has_pin(self, user: int, pin: str) -> bool:
        """Whether this is the user's voice portal PIN. Not for callers: nothing is counted, and nothing locks (W4)."""
        async with self.reading() as session:
            pin_hash = await session.scalar(select(User.pin_hash).where(User.id == user))
        return await asyncio.to_thread(hash_matches, self.hasher, pin_hash, pin)

    async def load_bindings(self) -> tuple[StoredBinding, ...]:
        """All bindings of accounts that still exist, expired ones included."""
        async with self.reading() as session:
            return await bindings.read_bindings(session)

    async def save_bindings(
        self, changed: Iterable[StoredBinding], removed: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Remove those (username, contact) keys and add or replace those bindings, in one transaction."""
        async with self.writing() as session:
            await bindings.write_bindings(session, changed, removed)

    async def write_calls(
        self,
        calls: Iterable[tuple[CallRecord, Sequence[TraceEntry]]],
        missed: Iterable[CallMissed] = (),
        channels: Collection[Channel] = (),
    ) -> None:
        """Add a batch to the call log, each call with its messages in order, in one transaction.

        In the same one, those who missed a call of it are to be told by these channels.
        """
        async with self.writing() as session:
            await calllog.write_calls(session, calls)
            await outbox.put(session, missed, channels, datetime.now(UTC))

    async def calls(
        self, limit: int = 50, since: datetime | None = None, user: int | None = None
    ) -> tuple[CallRecord, ...]:
        """The newest calls first: at most `limit`, begun at or after `since`, from or to that user id."""
        async with self.reading() as session:
            return await calllog.read_calls(session, limit, since, user)

    async def call(self, call_id: str) -> tuple[CallRecord, tuple[TraceEntry, ...]] | None:
        """The newest call with this Call-ID on any of its legs and its messages in order, or None."""
        async with self.reading() as session:
            return await calllog.read_call(session, call_id)


async def open_store(data_dir: Path, hasher: PasswordHasher | None = None) -> Store:
    """Open the store of `data_dir`, made or brought to this version's schema first (see `database.prepare`).

    `hasher` hashes PINs; leave it out but in tests. Raises StoreError with the remedy.
    """
    path, key = await asyncio.to_thread(database.prepare, data_dir)
    # An error's text must not repeat what was to be stored: it ends up in a log.
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True, json_serializer=_to_json
    )
    begin_transactions(engine.sync_engine)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return Store(engine, key, hasher or pin_hasher())


# Made once: it is asked every second, and a statement is many objects in cycles.
_VERSION = select(SettingsVersion.version)


async def read_version(session: AsyncSession) -> int:
    """The settings_version that this session sees."""
    return (await session.execute(_VERSION)).scalar_one()


async def bump_version(session: AsyncSession) -> None:
    """Raise settings_version, for a transaction that has changed settings."""
    await session.execute(update(SettingsVersion).values(version=SettingsVersion.version + 1))


@contextmanager
def _trouble_told(path: Path) -> Iterator[None]:
    """Trouble with the file or its disk is a StoreError with the remedy; how to mend damage, the next start says."""
    try:
        yield
    except DBAPIError as error:
        told = database.trouble(path, error)
        if told is None:
            raise
        if told.is_damage:
            raise StoreError(
                f"The database is damaged ({error.orig}). Stop Ringplan; the next start says how to mend it."
            ) from error
        raise told from error


def _to_json(value: object) -> str:
    """A ladder takes the standard library as long as everything else that is done to write a call."""
    return msgspec.json.encode(value).decode()


def _set_pragmas(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", f"busy_timeout = {BUSY_TIMEOUT}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
