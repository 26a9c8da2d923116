"""The mutations: repeatable, each one changes something, and a stream stays whole where it is only cut."""

from __future__ import annotations

import random

import pytest

from tests.sip.messages import request
from tests.support.mutations import MUTATIONS, Mutation, mutated, streamed

INVITE = request(body=b"v=0\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_mutation_changes_any_message_and_fits_a_datagram(mutation: Mutation) -> None:
    results = {mutation(INVITE, random.Random(seed)) for seed in range(50)}
    assert len(results - {INVITE}) > 2
    for data in (INVITE, b"", b"\r\n\r\n", b"x"):
        for seed in range(50):
            assert len(mutation(data, random.Random(seed))) <= 65507


def test_a_seed_repeats_what_it_did() -> None:
    first, second, other = ([mutated(INVITE, random.Random(seed)) for _ in range(3)] for seed in (1, 1, 2))
    assert first == second != other


def test_a_stream_is_cut_anywhere_and_loses_nothing() -> None:
    whole = 0
    for seed in range(30):
        pieces = streamed([INVITE] * 5, random.Random(seed))
        assert b"".join(pieces).count(INVITE) == 5
        whole += len(pieces) == 1
    assert 0 < whole < 30
