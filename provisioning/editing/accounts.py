"""Accounts that people sign in with, apart from users: each has any number of roles (P4, P8).

They are edited as everything else is: access is asked, rules are kept, stale edits are refused, and the audit is
written in the same transaction. A company file says nothing of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from b2bua.callplan.codes import USUAL
from provisioning.company.changes import Change
from provisioning.company.problems import Problem
from provisioning.company.rules import check_values
from provisioning.company.setting import entry_words
from provisioning.company.unfit import Unfit
from provisioning.company.values import account_password
from provisioning.company.words import differences, settings_made
from provisioning.editing.access import IN_WORDS, Action, Actor, Role, Way, acting, standing
from provisioning.editing.account_roles import AccountEntry, resource_of, role_of, role_row, role_words
from provisioning.editing.audit import Recorded, changes_since, record, version_of
from provisioning.editing.codes import fits, step_of
from provisioning.editing.edit import utc_now
from provisioning.editing.entries import switches_of
from provisioning.editing.permission import demand, forbidden
from provisioning.editing.reading import Current
from provisioning.editing.refusals import Refused, Stale, ThereIsNone
from provisioning.store import model
from provisioning.store.pins import hash_matches
from provisioning.store.sign_in_attempts import count_sign_in, forget_sign_in
from provisioning.store.store import Store, bump_version, read_version

Verb = Literal["add", "change", "delete"]


class Accounts:
    """Reads and changes accounts for an actor. Raises what `refusals` has, and changes nothing then."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        """`clock` is the time of day, for the audit."""
        self.store = store
        self._clock = clock
        self._nobodys: str | None = None

    async def account(self, actor: Actor, account: int) -> Current[AccountEntry]:
        """An account as it is."""
        async with self.store.reading() as session:
            entry = await self._allowed(session, actor, Action.READ, account)
            return Current(account, entry, await version_of(session, "account", account))

    async def add(self, actor: Actor, entry: AccountEntry) -> int:
        """Add an account, which has no password yet; returns its id."""
        async with self.store.writing() as session:
            of = await resource_of(session, None, entry.roles)
            demand(actor, Action.ADD, of, await switches_of(session))
            await self._judge(session, actor, None, entry)
            row = model.SignInAccount(email=entry.email, name=entry.name, disabled=entry.disabled)
            session.add(row)
            await session.flush()
            session.add_all(role_row(row.id, role) for role in entry.roles)
            words = await self._words(session, entry)
            default = await self._words(session, AccountEntry(entry.name, entry.email))
            await self._record(session, actor, "add", row.id, entry, settings_made(default, words))
            return row.id

    async def change(self, actor: Actor, account: int, entry: AccountEntry, seen: int) -> None:
        """Change an account whose version is still `seen`."""
        async with self.store.writing() as session:
            old = await self._allowed(session, actor, Action.CHANGE, account, seen)
            await self._judge(session, actor, account, entry)
            details = differences(await self._words(session, old), await self._words(session, entry))
            if not details:
                return
            row = await session.get_one(model.SignInAccount, account)
            row.email, row.name, row.disabled = entry.email, entry.name, entry.disabled
            await session.execute(delete(model.SignInRole).where(model.SignInRole.account_id == account))
            session.add_all(role_row(account, role) for role in entry.roles)
            await self._record(session, actor, "change", account, entry, details)

    async def delete(self, actor: Actor, account: int, seen: int | None = None) -> None:
        """Delete an account; the users and customers that it looked after stay."""
        async with self.store.writing() as session:
            entry = await self._allowed(session, actor, Action.DELETE, account, seen)
            await self._record(session, actor, "delete", account, entry, ())
            await session.execute(delete(model.SignInRole).where(model.SignInRole.account_id == account))
            await session.delete(await session.get_one(model.SignInAccount, account))

    async def set_password(self, actor: Actor, account: int, password: str) -> None:
        """Give an account another password."""
        try:
            account_password(password)
        except Unfit as unfit:
            raise Refused([unfit.at(("password",))]) from None
        hashed = await asyncio.to_thread(self.store.hasher.hash, password)
        async with self.store.writing() as session:
            entry = await self._allowed(session, actor, Action.CHANGE, account)
            row = await session.get_one(model.SignInAccount, account)
            told = "Password: set" if row.password_hash is None else "Password: changed"
            row.password_hash = hashed
            await self._record(session, actor, "change", account, entry, (told,))

    async def set_second_factor(self, actor: Actor, account: int, secret: str | None) -> None:
        """Give an account a second factor (the base32 secret of RFC 6238), or none."""
        if secret is not None and not fits(secret):
            raise Refused([Problem(("second_factor",), "base32.form")])
        async with self.store.writing() as session:
            entry = await self._allowed(session, actor, Action.CHANGE, account)
            row = await session.get_one(model.SignInAccount, account)
            row.second_factor = None if secret is None else self.store.key.encrypt(secret)
            told = "Second factor: " + ("removed" if secret is None else "set")
            await self._record(session, actor, "change", account, entry, (told,))

    async def check_password(self, email: str, password: str) -> int | None:
        """The id of the account with this e-mail if that is its password and it is not disabled.

        Takes as long for an account that there is not. Counts no guesses: `sign_in` does.
        """
        query = select(model.SignInAccount).where(model.SignInAccount.email == email.strip().lower())
        async with self.store.reading() as session:
            row = await session.scalar(query)
        if self._nobodys is None:
            self._nobodys = await asyncio.to_thread(self.store.hasher.hash, "")
        known = self._nobodys if row is None or row.password_hash is None else row.password_hash
        right = await asyncio.to_thread(hash_matches, self.store.hasher, known, password)
        return row.id if right and password and row is not None and not row.disabled else None

    async def sign_in(self, email: str, password: str, code: str, address: str) -> int | None:
        """The id of the account if password and, where it has a second factor, code are right; None otherwise.

        Guesses are counted by account and by `address`, before anything is looked at; while either is locked the
        answer is None, whatever is given. `code` is empty where there is none.
        """
        email, now = email.strip().lower(), self._clock()
        async with self.store.writing() as session:
            if not await count_sign_in(session, email, address, now):
                return None
        account = await self.check_password(email, password)
        if account is None:
            return None
        async with self.store.writing() as session:
            row = await session.get(model.SignInAccount, account)
            if row is None or row.disabled:
                return None
            if row.second_factor is not None:
                step = step_of(self.store.key.decrypt(row.second_factor), code, now, row.last_step)
                if step is None:
                    return None
                row.last_step = step
            await forget_sign_in(session, email, address)
        return account

    async def second_factor(self, account: int) -> str | None:
        """The secret of an account's second factor, to compare a code with; None if it has none."""
        async with self.store.reading() as session:
            row = await session.get(model.SignInAccount, account)
        return None if row is None or row.second_factor is None else self.store.key.decrypt(row.second_factor)

    async def actor(self, account: int, way: Way) -> Actor | None:
        """Who acts once signed in with this account; None if it was disabled or deleted."""
        async with self.store.reading() as session:
            row = await session.get(model.SignInAccount, account)
            if row is None or row.disabled:
                return None
            return Actor(row.email, way, await _roles(session, account), account=account)

    async def _allowed(
        self, session: AsyncSession, actor: Actor, action: Action, account: int, seen: int | None = None
    ) -> AccountEntry:
        """The account, if the actor may do that and nobody changed it since."""
        row = await session.get(model.SignInAccount, account)
        if row is None:
            raise ThereIsNone(f"There is no account {account}.")
        entry = AccountEntry(row.name, row.email, row.disabled, await _roles(session, account))
        of = await resource_of(session, account, entry.roles)
        demand(actor, action, of, await switches_of(session))
        if seen is not None and await version_of(session, "account", account) > seen:
            raise Stale(await changes_since(session, seen, "account", account))
        return entry

    async def _judge(
        self, session: AsyncSession, actor: Actor, account: int | None, entry: AccountEntry
    ) -> None:
        """Raise Refused for what may not be, or not by this actor."""
        problems = [*check_values(entry, (), USUAL)]
        held = select(model.SignInAccount.id).where(model.SignInAccount.email == entry.email)
        if await session.scalar(held) not in (None, account):
            problems.append(Problem(("email",), "platform.in-use", {"value": entry.email}))
        old = None
        if account is not None:
            row = await session.get_one(model.SignInAccount, account)
            old = AccountEntry(row.name, row.email, row.disabled, await _roles(session, account))
            of, switches = await resource_of(session, account, old.roles), await switches_of(session)
            by = acting(actor, Action.CHANGE, of, switches)
            problems += forbidden(by, old, entry, (), switches)
        for index, role in enumerate(entry.roles):
            of = await resource_of(session, None, (role,))
            if of.hardware_only:
                problems.append(Problem(("roles", index), "account.hardware-only"))
            elif (old is None or role not in old.roles) and standing(actor, of) is None:
                partner = IN_WORDS[max(IN_WORDS)]
                problems.append(Problem(("roles", index), "access.setting", {"role": partner}))
        if problems:
            raise Refused(problems)

    async def _words(self, session: AsyncSession, entry: AccountEntry) -> dict[str, str]:
        return entry_words(replace(entry, roles=())) | {"Roles": await role_words(session, entry.roles)}

    async def _record(
        self,
        session: AsyncSession,
        actor: Actor,
        verb: Verb,
        account: int,
        entry: AccountEntry,
        details: tuple[str, ...],
    ) -> None:
        change = Change(verb, f"account {entry.name} <{entry.email}>", details)
        of = await resource_of(session, account, entry.roles)
        version = await read_version(session) + 1
        record(session, actor, self._clock(), version, [Recorded(change, "account", account, of.customer)])
        await bump_version(session)


async def _roles(session: AsyncSession, account: int) -> tuple[Role, ...]:
    query = select(model.SignInRole).where(model.SignInRole.account_id == account)
    return tuple(map(role_of, await session.scalars(query.order_by(model.SignInRole.id))))
