"""Debian's linphonec: a phone with its own folder, ports and sound files.

Linphone looks every five seconds whether the machine has a way out, and signs off where it has none but loopback.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.support.addresses import free_port
from tests.support.console_phone import ConsolePhone
from tests.support.meter import Sound, read_unfinished, silence
from tests.support.waiting import wait_for

_CONFIG = """\
[sip]
bind_address={address}
sip_port={sip}
sip_tcp_port=0
sip_tls_port=0
guess_hostname=0
use_ipv6=0
use_info={info}
use_rfc2833={events}
default_proxy=0
inc_timeout=120
[net]
mtu=0
[rtp]
audio_rtp_port={rtp}
[sound]
echocancellation=0
ec_tail_len=0
[proxy_0]
reg_proxy=<sip:{host}:{port};transport=udp>
reg_identity=sip:{user}@{host}:{port}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
"""

ADDRESS = "127.0.0.1"
OUTSIDE = "203.0.113.1"
"""An address that no interface has and that a default route leads to (RFC 5737)."""
REGISTERED = "to [LinphoneRegistrationOk]"


class NoWayOut(AssertionError):
    """The machine has no interface but loopback."""


class Linphone(ConsolePhone):
    """Linphone with keys by RFC 4733. Raises NoWayOut where it would sign off by itself."""

    info = False
    called = "Receiving new incoming call"
    talking = resumed = "Media streams established"
    ended = (" ended (", " error.")
    held = "is now paused"
    key = re.compile(r"Receiving tone (.) from")
    _hold, _resume, _hang_up = "pause", "resume", "terminate"

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        check_way_out()
        (folder / ".local/share/linphone").mkdir(parents=True)
        self._folder = folder
        self._registrar = f"{registrar[0]}:{registrar[1]}"
        self._calls = 0
        self._recording = folder / "heard-0.wav"
        config = _CONFIG.format(
            address=ADDRESS,
            sip=free_port(ADDRESS),
            rtp=free_port(ADDRESS),
            host=registrar[0],
            port=registrar[1],
            user=user,
            password=password,
            info=int(self.info),
            events=int(not self.info),
        )
        (folder / "linphonerc").write_text(config)
        log = folder / "messages.log"
        super().__init__(["linphonec", "-c", folder / "linphonerc", "-d", "6", "-l", log], folder, user, log)
        self._command("soundcard use files")
        self._command(f"play {source}")

    def register(self) -> None:
        """Wait until the phone, which registers by itself, is registered: it tells its log alone."""
        wait_for(lambda: REGISTERED in self.logged(), 10, f"{self.user} to be registered")

    def dial(self, number: str) -> None:
        """Call a number."""
        self._forget()
        self._record()
        self._command(f"call sip:{number}@{self._registrar}")

    def answer(self) -> None:
        """Wait for a call and take it, and wait until it has sound."""
        self._wait(self.called)
        self._command("answer")
        self._record()
        self._wait(self.talking)

    def redirect(self, number: str) -> None:
        """Wait for a call and say who is to be called instead (302)."""
        self._wait(self.called)
        self._command(f"redirect all sip:{number}@{self._registrar}")
        self.wait_ended()

    def send_digits(self, digits: str) -> None:
        """Press keys, each by itself. It sends one a second."""
        for digit in digits:
            self._command(digit)

    def recorded_seconds(self) -> float:
        """How much of the present call has been recorded so far."""
        return self._recording.stat().st_size / 16000 if self._recording.exists() else 0.0

    def heard(self) -> Sound:
        """What it has heard in the present call so far."""
        return read_unfinished(self._recording) if self._recording.exists() else silence(0)

    def _record(self) -> None:
        """Record the call in a file of its own. Said of a call that rings, the phone hears nothing more."""
        self._calls += 1
        self._recording = self._folder / f"heard-{self._calls}.wav"
        self._command(f"record {self._recording}")


class LinphoneInfo(Linphone):
    """One that tells its keys by SIP INFO."""

    info = True


def check_way_out(outside: str = OUTSIDE) -> None:
    """Ask the kernel, as Linphone does, from which address it would send there. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((outside, 9))
            source = str(probe.getsockname()[0])
        except OSError:
            source = ""
    if not source or source.startswith("127."):
        raise NoWayOut(
            "Linphone needs an interface that is not loopback, with a default route: it signs off without one"
        )
