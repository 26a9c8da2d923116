"""Wrong PINs in a row and the lock they lead to: the rule alone, then the counting of it in a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.store.backoff import Attempts
from provisioning.store.pin_attempts import PORTAL, count_attempt, forget_attempts, read_attempts
from provisioning.store.store import Store
from tests.provisioning.companies import customer, user
from tests.provisioning.file.test_apply import applied

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def evaluated(tries: Sequence[datetime]) -> list[datetime]:
    """Those of an attacker's tries, in order, whose PIN would be looked at."""
    attempts, looked_at = Attempts(), []
    for now in tries:
        if not attempts.locked(now):
            looked_at.append(now)
            attempts = attempts.failed(now, PORTAL)
    return looked_at


def most_in_an_hour(times: Sequence[datetime]) -> int:
    return max((sum(start <= time < start + HOUR for time in times) for start in times), default=0)


@pytest.mark.behaviour("W4")
def test_the_fifth_failure_locks_and_each_one_after_it_twice_as_long() -> None:
    attempts, minutes = Attempts(), []
    now = NOON
    for _ in range(14):
        attempts = attempts.failed(now, PORTAL)
        lock = (attempts.locked_until or now) - now
        minutes.append(lock / timedelta(minutes=1))
        now += lock
    assert minutes == [0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440]


@pytest.mark.behaviour("W4")
def test_locked_until_the_moment_the_lock_ends() -> None:
    attempts = Attempts(5, NOON)
    assert attempts.locked(NOON - timedelta(microseconds=1))
    assert not attempts.locked(NOON)
    assert not Attempts(4).locked(NOON)
    assert Attempts(10**6, NOON).failed(NOON, PORTAL).locked_until == NOON + timedelta(hours=24)


@pytest.mark.behaviour("W4")
@given(st.lists(st.sampled_from((0, 0, 0, 0, 0, 1, 60, 900, 1800, 3600)), min_size=20, max_size=200))
def test_no_hour_has_more_than_ten_guesses_whenever_they_come(pauses: list[int]) -> None:
    now, tries = NOON, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        tries.append(now)
    assert most_in_an_hour(evaluated(tries)) <= 10


@pytest.mark.behaviour("W4")
def test_a_guess_every_second_for_a_week() -> None:
    looked_at = evaluated([NOON + timedelta(seconds=second) for second in range(7 * 86400)])
    assert most_in_an_hour(looked_at) <= 10
    assert len(looked_at) < 20, "the lock grows"


@pytest.fixture
async def people(store: Store) -> Store:
    await applied(store, customer(user("anna") + user("bert")))
    return store


async def tried(store: Store, who: int, now: datetime) -> Attempts | None:
    async with store.writing() as session:
        return await count_attempt(session, who, now)


@pytest.mark.behaviour("W4")
async def test_tries_are_counted_for_each_user_and_none_while_locked(people: Store) -> None:
    for number in range(1, 5):
        assert await tried(people, 1, NOON) == Attempts(number)
    locked = Attempts(5, NOON + timedelta(minutes=15))
    assert await tried(people, 1, NOON) == locked
    assert await tried(people, 1, NOON + timedelta(minutes=14)) is None
    assert await tried(people, 2, NOON) == Attempts(1)
    async with people.reading() as session:
        assert await read_attempts(session, 1) == locked, "what came while locked changed nothing"
        assert await read_attempts(session, 2) == Attempts(1)
    assert await tried(people, 1, NOON + timedelta(minutes=15)) == Attempts(6, NOON + timedelta(minutes=45))


@pytest.mark.behaviour("W4")
async def test_what_is_forgotten_starts_anew_and_of_nobody_else(people: Store) -> None:
    for who in (1, 1, 2):
        await tried(people, who, NOON)
    async with people.writing() as session:
        await forget_attempts(session, ())
        await forget_attempts(session, (1,))
    assert await tried(people, 1, NOON) == Attempts(1)
    assert await tried(people, 2, NOON) == Attempts(2)


async def test_a_try_that_is_not_committed_is_not_counted(people: Store) -> None:
    with pytest.raises(RuntimeError):
        async with people.writing() as session:
            await count_attempt(session, 1, NOON)
            raise RuntimeError
    async with people.reading() as session:
        assert await read_attempts(session, 1) == Attempts()
