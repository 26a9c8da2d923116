"""The service is told to stop under calls of real phones."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.clients.phones import Company
from tests.clients.test_process_killed import ALICE, BOB, last_heard, on_disk, talk
from tests.conftest import ServiceFactory
from tests.support.pjsua2_phone import Pjsua2Phone

DRAIN = 8.0


def test_calls_may_end_by_themselves_and_are_ended_at_the_limit(
    new_service: ServiceFactory, tmp_path: Path
) -> None:
    service = new_service({"RINGPLAN_CALLS__DRAIN": str(DRAIN)})
    first, second = Company(service, tmp_path / "first"), Company(service, tmp_path / "second")
    third = Company(service, tmp_path / "third")
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
    with (
        third.phone(Pjsua2Phone, "alice", ALICE) as late,
        first.phone(Pjsua2Phone, "bob", BOB) as bob,
        first.phone(Pjsua2Phone, "alice", ALICE) as alice,
        second.phone(Pjsua2Phone, "bob", BOB) as other_bob,
        second.phone(Pjsua2Phone, "alice", ALICE) as other_alice,
    ):
        talk(alice, bob)
        talk(other_alice, other_bob)
        service.signal(signal.SIGTERM)
        service.wait_for_event("service.stopping")
        # Nothing changes for those who talk; who calls now is refused.
        bob.wait_heard(bob.recorded_seconds() + 0.5)
        late.dial("202")
        late.wait("state", state="DISCONNECTED", code=503)
        alice.hang_up()
        bob.wait_ended()
        assert last_heard(bob, ALICE) > 0.5
        # The other call goes on up to the limit, and both sides hear of its end.
        other_alice.wait("state", timeout=DRAIN + 10, state="DISCONNECTED")
        other_bob.wait_ended()
        assert service.wait_ended(30) == 0
        assert service.processes() == {}
        ended = service.events("call.ended")
        assert [event["hung_up_by"] for event in ended] == ["caller", "service"]
        assert on_disk(service) == 0, "the next start has nothing to go on with"
