"""Signing in: password and one-time code, each used once, and guesses that are counted (P8)."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from provisioning.editing.access import Themselves
from provisioning.editing.account_roles import AccountEntry
from provisioning.editing.accounts import Accounts
from provisioning.editing.refusals import Refused
from provisioning.store.backoff import Attempts
from provisioning.store.sign_in_attempts import OF_ACCOUNT, OF_ADDRESS
from provisioning.store.store import Store
from tests.provisioning.editing.people import ANNA, NOON, PARTNER

pytestmark = pytest.mark.behaviour("P8")
EMAIL, PASSWORD, SECRET = "anna@acme.example", "correct horse battery", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HOME = "192.0.2.1"


class Clock:
    now = NOON

    def __call__(self):  # type: ignore[no-untyped-def]
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def accounts(people: Store, clock: Clock) -> Accounts:
    accounts = Accounts(people, clock)
    number = await accounts.add(PARTNER, AccountEntry("Anna", EMAIL, roles=(Themselves(ANNA),)))
    await accounts.set_password(PARTNER, number, PASSWORD)
    return accounts


def code(clock: Clock, steps: int = 0) -> str:
    return pyotp.TOTP(SECRET).at(clock.now + timedelta(seconds=30 * steps))


async def test_a_code_is_asked_for_and_taken_once(accounts: Accounts, clock: Clock) -> None:
    assert await accounts.sign_in(EMAIL, PASSWORD, "", HOME) == 1
    await accounts.set_second_factor(PARTNER, 1, SECRET)
    assert await accounts.sign_in(EMAIL, PASSWORD, "", HOME) is None
    assert await accounts.sign_in(EMAIL, "wrong", code(clock), HOME) is None
    assert await accounts.sign_in(EMAIL, PASSWORD, code(clock), HOME) == 1
    assert await accounts.sign_in(EMAIL, PASSWORD, code(clock), HOME) is None
    # Nor is one of a step before it, which its window still has.
    assert await accounts.sign_in(EMAIL, PASSWORD, code(clock, -1), HOME) is None
    clock.now += timedelta(seconds=30)
    assert await accounts.sign_in(EMAIL, PASSWORD, code(clock), HOME) == 1


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_clock_may_be_off_by_one_step(
    accounts: Accounts, clock: Clock, steps: int, fits: bool
) -> None:
    await accounts.set_second_factor(PARTNER, 1, SECRET)
    assert (await accounts.sign_in(EMAIL, PASSWORD, code(clock, steps), HOME) == 1) is fits


async def test_guesses_lock_the_account_for_ever_longer(accounts: Accounts, clock: Clock) -> None:
    for guess in range(5):
        assert await accounts.sign_in(EMAIL, f"guess {guess}", "", f"192.0.2.{guess}") is None
    assert await accounts.sign_in(EMAIL, PASSWORD, "", "192.0.2.9") is None
    # What is counted is on disk: another process, and one after a restart, knows it.
    other = Accounts(accounts.store, clock)
    clock.now += timedelta(seconds=59)
    assert await other.sign_in(EMAIL, PASSWORD, "", "192.0.2.9") is None
    clock.now += timedelta(seconds=1)
    assert await other.sign_in(EMAIL, "wrong", "", "192.0.2.9") is None
    clock.now += timedelta(seconds=119)
    assert await other.sign_in(EMAIL, PASSWORD, "", "192.0.2.9") is None
    clock.now += timedelta(seconds=1)
    assert await other.sign_in(EMAIL, PASSWORD, "", "192.0.2.9") == 1
    assert await other.sign_in(EMAIL, "wrong", "", "192.0.2.9") is None
    assert await other.sign_in(EMAIL, PASSWORD, "", "192.0.2.9") == 1


async def test_guesses_lock_an_address_whatever_the_accounts(accounts: Accounts, clock: Clock) -> None:
    for guess in range(20):
        assert await accounts.sign_in(f"x{guess}@acme.example", PASSWORD, "", HOME) is None
    assert await accounts.sign_in(EMAIL, PASSWORD, "", HOME) is None
    assert await accounts.sign_in(EMAIL, PASSWORD, "", "192.0.2.2") == 1
    clock.now += timedelta(days=1, seconds=1)
    assert await accounts.sign_in(EMAIL, "wrong", "", HOME) is None
    assert await accounts.sign_in(EMAIL, PASSWORD, "", HOME) == 1


async def test_wrong_codes_are_guesses_too(accounts: Accounts, clock: Clock) -> None:
    await accounts.set_second_factor(PARTNER, 1, SECRET)
    for _ in range(5):
        assert await accounts.sign_in(EMAIL, PASSWORD, "000000", HOME) is None
    assert await accounts.sign_in(EMAIL, PASSWORD, code(clock), HOME) is None


def test_a_lock_follows_from_counts_and_time_alone() -> None:
    assert [OF_ACCOUNT.lock(failures) for failures in (4, 5, 6, 99)] == [
        None,
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(hours=1),
    ]
    assert OF_ADDRESS.lock(19) is None
    assert Attempts(4).failed(NOON, OF_ACCOUNT) == Attempts(5, NOON + timedelta(minutes=1))


async def test_many_who_are_right_do_not_lock_their_office(accounts: Accounts) -> None:
    for _ in range(25):
        assert await accounts.sign_in(EMAIL, PASSWORD, "", HOME) == 1


@pytest.mark.parametrize("secret", ["", "JBSWY3DP", "not base32 at all!", "JBSWY3DPEHPK3PX1", "é" * 20])
async def test_a_secret_of_which_no_codes_come_is_refused(accounts: Accounts, secret: str) -> None:
    with pytest.raises(Refused, match=r"^/second_factor: must be at least 23 characters of base32$"):
        await accounts.set_second_factor(PARTNER, 1, secret)


@pytest.mark.parametrize("hostile", ["", "é" * 6, "1" * 10_000, chr(0), "١٢٣٤٥٦"])
async def test_whatever_is_given_as_a_code_is_only_wrong(accounts: Accounts, hostile: str) -> None:
    await accounts.set_second_factor(PARTNER, 1, SECRET)
    assert await accounts.sign_in(EMAIL, PASSWORD, hostile, HOME) is None
