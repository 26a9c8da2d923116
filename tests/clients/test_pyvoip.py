"""pyVoIP 1.6.8 calls and is called, hears keys, refuses and leaves a message.

It cannot hold, press keys or send a call on. Its ACK to our answer names a To tag of its own (M11), and its REGISTER
says that it takes no NOTIFY (V4). Where PCMA is offered first it sends PCMU under PCMA's number, so it is called here
by a phone that prefers PCMU. It cannot skip a greeting, so Bob has a short one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.clients.talking import hear, message_is_there, seconds_of
from tests.support import meter
from tests.support.pjsua2_phone import Pjsua2MuLawPhone
from tests.support.pyvoip import PyVoip
from tests.support.service import Service
from tests.support.waiting import wait_for


@pytest.mark.behaviour("R9", "N7", "V2")
def test_pyvoip_calls_is_called_refuses_and_leaves_a_message(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    greeting = meter.write_wav(tmp_path / "greeting.wav", meter.tone(1000, seconds=1.0))
    service.run_cli("greeting", "set", company.email("bob"), str(greeting), "--for", "no-answer")
    with (
        company.phone(Pjsua2MuLawPhone, "alice", 440) as alice,
        company.phone(PyVoip, "carol", 850) as carol,
    ):
        carol.dial("201")
        alice.answer()
        carol.wait_talking()
        hear(1.2, alice, carol)
        alice.send_digits("1")
        wait_for(lambda: carol.digits() == "1", 10, "the key")
        carol.hang_up()
        alice.wait_ended()
        assert seconds_of(850, alice.heard()) > 0.6 and seconds_of(440, carol.heard()) > 0.6
        alice.dial("203")
        carol.answer()
        alice.wait_talking()
        hear(1.2, alice, carol)
        alice.hang_up()
        carol.wait_ended()
        assert seconds_of(850, alice.heard()) > 0.6 and seconds_of(440, carol.heard()) > 0.6
        alice.dial("203")
        carol.refuse()
        alice.wait_ended()
        assert alice.told()[-1][0] == 486
        # Bob is signed off, so his mailbox answers.
        since = len(service.lines)
        carol.dial("202")
        carol.wait_talking()
        carol.wait_heard(4.0)
        assert seconds_of(1000, carol.heard()) > 0.6
        carol.hang_up()
        message_is_there(850, since, service, company)
