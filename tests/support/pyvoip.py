"""pyVoIP, a phone as a Python library: what a programmer's own robot calls with.

It can call, answer, refuse and hear keys. It cannot hold, press keys or send a call on. It acknowledges an answer with
a To tag of its own making.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from pyVoIP.VoIP.status import PhoneStatus
from pyVoIP.VoIP.VoIP import CallState, VoIPCall, VoIPPhone

from tests.support.addresses import fresh_address
from tests.support.meter import Sound, read_wav, silence
from tests.support.waiting import wait_for


class PyVoip:
    """One phone at an address of its own. It speaks the WAV file `source` in every call."""

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        self.user = user
        self._source = (read_wav(source).samples * 127 + 128).astype(np.uint8).tobytes()
        self._call: VoIPCall | None = None
        self._last: VoIPCall | None = None
        warnings.simplefilter("ignore")
        self._phone = VoIPPhone(
            *registrar,
            user,
            password,
            myIP=fresh_address(),
            callCallback=self._called,
            rtpPortLow=40000,
            rtpPortHigh=40100,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a person does

    def register(self) -> None:
        """Switch the phone on and wait until it is registered."""
        self._phone.start()
        wait_for(
            lambda: self._phone.get_status() is PhoneStatus.REGISTERED, 10, f"{self.user} to be registered"
        )

    def dial(self, number: str) -> None:
        """Call a number."""
        self._call = self._phone.call(number)

    def wait_ringing(self) -> None:
        """Wait until it is called."""
        wait_for(lambda: self._call is not None, 10, f"a call for {self.user}")

    def answer(self) -> None:
        """Wait for a call and take it."""
        self.wait_ringing()
        assert self._call is not None
        self._call.answer()
        self._call.write_audio(self._source)

    def refuse(self) -> None:
        """Wait for a call and say that the line is busy."""
        self.wait_ringing()
        assert self._call is not None
        with suppress(AttributeError):
            # It has sent its 486 by then, and stumbles over the sound that never began.
            self._call.deny()
        self._call = None

    def wait_talking(self) -> None:
        """Wait until the call it made is answered, and speak."""
        call = self._call
        assert call is not None
        wait_for(lambda: call.state is CallState.ANSWERED, 10, f"an answer for {self.user}")
        call.write_audio(self._source)

    def wait_ended(self) -> None:
        """Wait until the other side has hung up."""
        call, self._last = self._call, self._call
        assert call is not None
        wait_for(lambda: call.state is CallState.ENDED, 10, f"the end of {self.user}'s call")
        self._call = None

    def hang_up(self) -> None:
        """End the call."""
        assert self._call is not None
        self._last, self._call = self._call, None
        self._last.hangup()

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much has been heard."""
        wait_for(
            lambda: self.recorded_seconds() >= seconds, seconds + 10, f"{self.user} to hear {seconds:g} s"
        )

    def recorded_seconds(self) -> float:
        """How much of the present call has been heard so far."""
        return self.heard().seconds

    def heard(self) -> Sound:
        """What it has heard in its present call, else in its last one."""
        call = self._call or self._last
        if call is None or not call.RTPClients:
            return silence(0)
        data = call.RTPClients[0].pmin.buffer.getvalue()
        return Sound((np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128)

    hearing = heard

    def digits(self) -> str:
        """The keys that the other side pressed."""
        assert self._call is not None
        return str(self._call.dtmf.getvalue())

    def close(self) -> None:
        """End the phone: it hangs up and unregisters first."""
        self._phone.stop()

    def _called(self, call: VoIPCall) -> None:
        self._call = call
