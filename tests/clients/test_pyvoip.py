"""pyVoIP 1.6.8 calls and is called, hears keys, refuses and leaves a message.

It cannot hold, press keys or send a call on. Its ACK to our answer names a To tag of its own (M11), and its REGISTER
says that it takes no NOTIFY (V4). Where PCMA is offered first it sends PCMU under PCMA's number, so it is called here
by a phone that prefers PCMU.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.phones import Company
from tests.support import meter
from tests.support.linphone import Linphone
from tests.support.pyvoip import PyVoip
from tests.support.service import Service
from tests.support.waiting import wait_for


def seconds_of(tone: float, heard: meter.Sound) -> float:
    return sum(span.seconds for span in meter.tone_spans(heard, tone))


@pytest.mark.behaviour("R9", "N7", "V2")
def test_pyvoip_calls_is_called_refuses_and_leaves_a_message(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path)
    with company.phone(Linphone, "alice", 440) as alice:
        with company.phone(PyVoip, "bob", 620) as bob:
            bob.dial("201")
            alice.answer()
            bob.wait_talking()
            alice.wait_heard(1.2)
            bob.wait_heard(1.2)
            alice.send_digits("1")
            wait_for(lambda: bob.digits() == "1", 10, "the key")
            bob.hang_up()
            alice.wait_ended()
            assert seconds_of(620, alice.heard()) > 0.6 and seconds_of(440, bob.heard()) > 0.6
        with company.phone(PyVoip, "carol", 850) as carol:
            alice.dial("203")
            carol.answer()
            alice.wait_talking()
            carol.wait_heard(1.2)
            alice.wait_heard(1.2)
            alice.hang_up()
            alice.wait_ended()
            carol.wait_ended()
            assert seconds_of(850, alice.heard()) > 0.6 and seconds_of(440, carol.heard()) > 0.6
            alice.dial("203")
            carol.refuse()
            alice.wait_ended()
            assert alice.told()[-1][0] == 486
            # Bob is signed off, so his mailbox answers.
            carol.dial("202")
            carol.wait_talking()
            # Greeting and beep last twelve seconds.
            carol.wait_heard(16.0)
            carol.hang_up()
            (message,) = wait_for(lambda: company.mailbox("bob"), 10, "the message")
            assert meter.frequency(meter.read_wav(Path(str(message["path"])))) == pytest.approx(850, abs=3)
