"""What each refusal of each request of ours in a dialog ends (RFC 5057 §5.1)."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.effects import Ends, ends
from tests.sip.dialogs.test_session import HOLD, visited

DIALOG = {404, 410, 416, 482, 483, 484, 485, 502, 604}
USAGE = {408, 481}
REFUSALS = range(300, 700)
SAMPLE = sorted(
    {300, 302, 400, 401, 403, 405, 407, 415, 420, 480, 486, 487, 488, 489, 491, 500, 501, 503, 600, 603, 606}
)


def expected(method: str, code: int) -> Ends:
    """The table once more, as RFC 5057 and our exceptions have it."""
    if method in ("BYE", "CANCEL", "PRACK"):
        return Ends.REQUEST
    if code in DIALOG:
        return Ends.DIALOG
    return Ends.USAGE if code in USAGE or method == "NOTIFY" else Ends.REQUEST


@pytest.mark.parametrize(
    "method", ["INVITE", "INFO", "OPTIONS", "UPDATE", "NOTIFY", "BYE", "CANCEL", "PRACK"]
)
def test_the_table(method: str) -> None:
    assert {code: ends(method, code) for code in REFUSALS} == {
        code: expected(method, code) for code in REFUSALS
    }


def refused(method: str, code: int) -> tuple[bool, int]:
    """Whether an answered call goes on after this refusal, and how many BYEs the peer got."""
    network, phone, peer = visited()
    if method == "INVITE":
        assert phone.session.offer(HOLD, network.now)
    elif method == "BYE":
        phone.session.bye(network.now)
    else:
        phone.session.send(method, (), b"", network.now)
    network.run(network.now + 0.1)
    peer.answer(code, method=method)
    alive, byes = phone.session.active, len(peer.requests("BYE"))
    if not alive and method != "BYE":
        assert phone.events[-1] == ("ended", "gone") and "offer answered" not in phone.names()
    elif method == "INVITE":
        assert phone.events[-1] == ("offer answered", (code, None))
    network.dead.add(peer.hop)
    if alive:
        phone.session.bye(network.now)
    network.settle()
    assert phone.idle()
    return alive, byes


@pytest.mark.behaviour("M8")
@pytest.mark.parametrize("method", ["INVITE", "INFO", "OPTIONS"])
@pytest.mark.parametrize("code", [*SAMPLE, *sorted(DIALOG | USAGE)])
def test_a_call_ends_or_goes_on(method: str, code: int) -> None:
    """The peer that knows nothing gets a BYE, in case it does after all (RFC 3261 §12.2.1.2)."""
    over = code in DIALOG | USAGE
    assert refused(method, code) == (not over, int(over))


@pytest.mark.parametrize("code", [404, 408, 481, 500, 604])
def test_a_bye_that_is_refused_is_one_bye(code: int) -> None:
    assert refused("BYE", code) == (False, 1)
