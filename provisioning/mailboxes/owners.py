"""The users' side of their mailboxes: what the media host asks and tells, answered from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from media.message import Message
from media.owners import Owner, OwnersUnavailable, PinProblem, PinVerdict
from provisioning.company.known import in_words
from provisioning.control import notify_changed
from provisioning.editing.access import Actor, Themselves, Way
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import EditError, Refused
from provisioning.store import outbox
from provisioning.store.errors import StoreError
from provisioning.store.model import Customer, User
from provisioning.store.outbox import Channel, VoicemailLeft
from provisioning.store.pin_attempts import count_attempt, forget_attempts, read_attempts
from provisioning.store.pins import hash_matches
from provisioning.store.store import Store

log = structlog.get_logger()

MAILBOX_KEPT = timedelta(days=30)
"""How long after a user was deleted the mailbox goes too (P7)."""


def utc_now() -> datetime:
    """The time of day: locks outlast every process, so nothing else will do."""
    return datetime.now(UTC)


class StoredOwners:
    """Implements `media.owners.Owners`.

    A user who is suspended, or whose customer is, has no portal: no `owner`, no PIN is right, none can be set. Their
    messages and the lock stay as they are.
    """

    def __init__(
        self,
        store: Store,
        control_socket: Path,
        channels: Collection[Channel],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`control_socket` is call handling's, which is told of a new PIN; `channels` are those that are set up."""
        self._store = store
        self._editing = Editing(store, changed=partial(notify_changed, control_socket), clock=clock)
        self._channels = channels
        self._clock = clock

    async def close(self) -> None:
        """Give the store back."""
        await self._store.close()

    async def owner(self, user: int) -> Owner | None:
        """See `Owners`."""
        columns = User.timezone, Customer.timezone, Customer.country, User.pin_hash.is_not(None)
        with unavailable():
            async with self._store.reading() as session:
                row = (await session.execute(select(*columns).where(*_has_access(user)))).one_or_none()
        if row is None:
            return None
        own_zone, zone, country, has_pin = row
        return Owner(user, own_zone or zone, country, has_pin)

    async def locked(self, user: int) -> bool:
        """See `Owners`."""
        with unavailable():
            async with self._store.reading() as session:
                return (await read_attempts(session, user)).locked(self._clock())

    async def check_pin(self, user: int, pin: str) -> PinVerdict:
        """See `Owners`. Where there is no PIN to be found out, nothing is counted."""
        if await self.locked(user):
            # Whoever guesses on must not keep others from writing; count_attempt has the last word.
            return PinVerdict.LOCKED
        with unavailable():
            async with self._store.writing() as session:
                pin_hash = await session.scalar(select(User.pin_hash).where(*_has_access(user)))
                if pin_hash is None:
                    return PinVerdict.WRONG
                counted = await count_attempt(session, user, self._clock())
            if counted is None:
                return PinVerdict.LOCKED
            if await asyncio.to_thread(hash_matches, self._store.hasher, pin_hash, pin):
                async with self._store.writing() as session:
                    await forget_attempts(session, (user,))
                return PinVerdict.RIGHT
        if counted.locked_until is not None:
            log.warning("portal.locked", user=user, until=counted.locked_until.isoformat())
        return PinVerdict.WRONG

    async def set_pin(self, user: int, pin: str) -> PinProblem | None:
        """See `Owners`. Returns once call handling knows, or after a second."""
        with unavailable():
            async with self._store.reading() as session:
                who = select(User.name, User.email, User.extension).where(*_has_access(user))
                row = (await session.execute(who)).first()
            if row is None:
                raise OwnersUnavailable(f"user {user} has no voice portal any more")
            actor = Actor(row.email or in_words(*row), Way.TELEPHONE, (Themselves(user),))
            try:
                await self._editing.set_pin(actor, user, pin)
            except Refused as refused:
                return PinProblem(refused.problems[0].code.removeprefix("pin."))
            except EditError as error:
                raise OwnersUnavailable(str(error)) from error
        return None

    async def message_stored(self, message: Message) -> None:
        """See `Owners`."""
        with unavailable():
            async with self._store.writing() as session:
                await outbox.put(session, [VoicemailLeft.of(message)], self._channels, self._clock())

    async def long_gone(self, now: datetime) -> tuple[int, ...]:
        """See `Owners`."""
        with unavailable():
            async with self._store.reading() as session:
                return tuple(
                    await session.scalars(
                        select(User.id).where(User.deleted_at <= now - MAILBOX_KEPT).order_by(User.id)
                    )
                )


@contextmanager
def unavailable() -> Iterator[None]:
    """A database that is locked, damaged or gone is told as OwnersUnavailable; anything else is a fault of ours."""
    try:
        yield
    except (OperationalError, PoolTimeout, StoreError, OSError) as error:
        raise OwnersUnavailable(str(getattr(error, "orig", None) or error)) from error


def _has_access(user: int) -> tuple[ColumnElement[bool], ...]:
    """That this is a user of now with a portal, and the join to their customer."""
    return (
        User.id == user,
        User.customer_id == Customer.id,
        User.deleted_at.is_(None),
        ~User.suspended,
        ~Customer.suspended,
    )
