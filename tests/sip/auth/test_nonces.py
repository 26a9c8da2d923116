import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.auth.nonces import Nonces


def nonces(limit: int = 1000, key: bytes = b"k" * 32) -> Nonces:
    return Nonces(key, 300, limit)


def test_every_nonce_is_another_and_needs_no_escape() -> None:
    issuer = nonces()
    issued = {issuer.issue(1.0) for _ in range(100)}
    assert len(issued) == 100
    assert all(re.fullmatch(r"[\w\-]{36}", nonce) for nonce in issued)
    assert len(issuer) == 0


def test_a_nonce_lives_as_long_as_it_may() -> None:
    issuer = nonces()
    nonce = issuer.issue(10.0)
    assert issuer.take(nonce, 1, 310.0)
    assert not issuer.take(nonce, 2, 310.1)


def test_counts_out_of_order_are_taken_once_within_the_window() -> None:
    issuer = nonces()
    nonce = issuer.issue(0.0)
    counts = (100, 99, 37, 36, 99, 101, 38, 37, 2**32 - 1, 101)
    taken = [issuer.take(nonce, count, 1.0) for count in counts]
    assert taken == [True, True, True, False, False, True, True, False, True, False]


@given(st.lists(st.integers(0, 150), max_size=60))
def test_no_count_is_ever_taken_twice(counts: list[int]) -> None:
    issuer = nonces()
    nonce = issuer.issue(0.0)
    taken = [count for count in counts if issuer.take(nonce, count, 1.0)]
    assert len(taken) == len(set(taken))
    assert 0 not in taken


def test_counting_up_is_never_refused() -> None:
    issuer = nonces()
    nonce = issuer.issue(0.0)
    assert all(issuer.take(nonce, count, 1.0) for count in (*range(1, 200), 5000, 5001))


def test_memory_is_bounded_and_forgetting_opens_no_door() -> None:
    issuer = nonces(limit=3)
    issued = [issuer.issue(0.0) for _ in range(10)]
    assert all(issuer.take(nonce, 1, 1.0) for nonce in issued)
    assert len(issuer) == 3
    assert not any(issuer.take(nonce, 1, 1.0) for nonce in issued)
    assert issuer.take(issued[-1], 2, 1.0)
    assert issuer.take(issuer.issue(1.0), 1, 1.0)


def test_used_nonces_are_forgotten_when_they_have_expired() -> None:
    issuer = nonces()
    for second in range(5):
        assert issuer.take(issuer.issue(second), 1, second)
    assert len(issuer) == 5
    assert issuer.take(issuer.issue(1000.0), 1, 1000.0)
    assert len(issuer) == 1


@pytest.mark.parametrize("nonce", ["", "x", "AAAA", "A" * 36, "é" * 36, "\udcff", "%00", "A" * 5000])
def test_what_is_no_nonce_is_not_taken(nonce: str) -> None:
    assert not nonces().take(nonce, 1, 1.0)


def test_a_nonce_cannot_be_forged_or_altered() -> None:
    issuer = nonces()
    nonce = issuer.issue(1.0)
    altered = [
        nonce[:place] + ("A" if nonce[place] != "A" else "B") + nonce[place + 1 :] for place in range(36)
    ]
    assert not any(issuer.take(each, 1, 1.0) for each in altered)
    assert not nonces(key=b"another").take(nonce, 1, 1.0)
    assert issuer.take(nonce, 1, 1.0)
