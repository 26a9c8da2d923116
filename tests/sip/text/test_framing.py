"""Messages cut out of a stream: at every split, several at once, keep-alives between, and what cannot be cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.text.framing import MAX_BODY, MAX_HEAD, PING, Framer, Unframed

BYE = b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\nContent-Length: 0\r\n\r\n"
INFO = b"INFO sip:a@b SIP/2.0\r\nl :  11\r\nVia: SIP/2.0/TCP c\r\n\r\nSig\r\n\r\nnal="
FOLDED = b"INFO sip:a@b SIP/2.0\r\nSubject: x\r\n Content-Length: 9\r\nCONTENT-LENGTH:\r\n 3\r\n\r\nabc"


def cut(*chunks: bytes) -> list[bytes]:
    framer, found = Framer(), []
    for chunk in chunks:
        framer.feed(chunk)
        while (message := framer.take()) is not None:
            found.append(message)
    return found


@pytest.mark.parametrize("message", [BYE, INFO, FOLDED])
def test_a_message_may_be_split_anywhere(message: bytes) -> None:
    for place in range(1, len(message)):
        assert cut(message[:place], message[place:] + BYE) == [message, BYE]
    assert cut(*(bytes((byte,)) for byte in message + BYE)) == [message, BYE]


def test_nothing_is_given_out_before_its_last_byte() -> None:
    assert cut(INFO[:-1]) == []
    assert cut(BYE[:-1]) == []


@given(st.lists(st.sampled_from([BYE, INFO, FOLDED, PING, b"\r\n"])), st.lists(st.integers(0, 600)))
def test_whatever_the_chunks_the_messages_are_the_same(parts: list[bytes], places: list[int]) -> None:
    stream = b"".join(parts)
    edges = [0, *sorted(place for place in places if place < len(stream)), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(edges)]
    assert cut(*chunks) == cut(stream)
    assert [each for each in cut(stream) if each != PING] == [part for part in parts if len(part) > 4]


def test_two_line_ends_are_a_ping_and_one_is_nothing() -> None:
    assert cut(b"\r\n\r\n") == [PING]
    assert cut(b"\r", b"\n\r", b"\n") == [PING]
    assert cut(b"\r\n") == []
    assert cut(b"\r\n" + BYE + b"\r\n\r\n" + BYE) == [BYE, PING, BYE]


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (b"", 400),
        (b"Content-Length: 1\r\nl: 1\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: +1\r\n", 400),
        (b"Content-Length: 1 2\r\n", 400),
        (b"Content-Length: 1\r\n 2\r\n", 400),
        (b"Content-Length:\r\n", 400),
        (b"Content-Length: 99999999999999999999\r\n", 400),
        (b"Content-Length: %d\r\n" % (MAX_BODY + 1), 513),
        (b"X-Content-Length: 1\r\n", 400),
    ],
)
def test_without_one_good_length_the_stream_is_of_no_use(length: bytes, code: int) -> None:
    head = b"BYE sip:a@b SIP/2.0\r\n" + length + b"Via: SIP/2.0/TCP c\r\n\r\n"
    framer = Framer()
    framer.feed(BYE + head + BYE)
    assert framer.take() == BYE, "what came before is good"
    with pytest.raises(Unframed) as refused:
        framer.take()
    assert (refused.value.code, refused.value.head) == (code, head)


def test_headers_and_body_may_be_as_long_as_the_bounds_and_no_longer() -> None:
    start, end = b"BYE sip:a@b SIP/2.0\r\nX: ", b"\r\nContent-Length: %d\r\n\r\n" % MAX_BODY
    longest = start + b"x" * (MAX_HEAD - len(start) - len(end)) + end
    body = b"b" * MAX_BODY
    assert cut(longest + body) == [longest + body]
    framer = Framer()
    framer.feed(start + b"x" * (MAX_HEAD - len(start) - len(end) + 1) + end)
    with pytest.raises(Unframed) as refused:
        framer.take()
    assert refused.value.code == 0


@given(st.binary(max_size=300))
def test_garbage_never_raises_anything_else(data: bytes) -> None:
    try:
        cut(data, data)
    except Unframed as refused:
        assert refused.code in (0, 400, 513)
