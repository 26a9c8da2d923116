"""`make call`: a real call against the running demo. SIPp registers two phones, one calls, nobody answers.

The caller hears the greeting and leaves a message; then fresh `ringplan` processes tell what became of it.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from b2bua.cli.demo import Demo, read_demo
from config.settings import Settings, load
from provisioning.control import NotRunningError, ask
from tests.support import meter
from tests.support.addresses import free_port
from tests.support.rtp import RtpEndpoint
from tests.support.sipp import Message, Sipp
from tests.support.waiting import wait_for

SCENARIOS = Path(__file__).parents[1] / "sipp_scenarios" / "common"
RINGPLAN = Path(sys.executable).with_name("ringplan")
CALLER, CALLED, EXTENSION = "alice", "bob", "202"
TONE = 440.0
TALK = 18.0
"""Seconds from the answer to the hang-up: thirteen of greeting and beep, the rest is recorded."""
ANSWER_LIMIT, RECORD_LIMIT = 60.0, 15.0


def running_demo(settings: Settings) -> Demo:
    """The demo that runs now. Ends the program with a sentence when there is none."""
    demo = read_demo(settings.data_dir)
    try:
        ask(settings.run_dir / "control.sock", "ready")
    except NotRunningError:
        sys.exit(f"Nothing is running on {settings.data_dir}. Start it with `make run` in another terminal.")
    if demo is None or not demo.clients:
        sys.exit(f"{settings.data_dir} has no demo company: its customers are your own.")
    return demo


class Phones:
    """SIPp phones on this machine, at the address where the service listens."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        host, _, port = demo.address.rpartition(":")
        self._host = host
        self._service = (host, int(port))
        self._passwords = {client.username: client.password for client in demo.clients}
        self._folder = folder
        self._ports = {name: free_port(host, socket.SOCK_DGRAM) for name in (CALLER, CALLED)}

    def run(
        self,
        scenario: str,
        user: str,
        rtp: RtpEndpoint,
        *,
        dialled: str = "",
        pause: float = 0.2,
        waits: bool = False,
    ) -> Sipp:
        """Start a scenario as a user."""

        def follow(message: Message) -> None:
            if message.received and message.media:
                rtp.remote = message.media

        return Sipp(
            SCENARIOS / f"{scenario}.xml",
            self._folder / f"{user}-{scenario}",
            self._host,
            self._service,
            port=self._ports[user],
            calls=0 if waits else 1,
            pause=pause,
            service=dialled,
            user=user,
            password=self._passwords[user],
            keys={
                "here": f"{self._host}:{self._ports[user]}",
                "rtp_ip": self._host,
                "rtp_port": rtp.port,
                "expires": 120,
            },
            out_of_call=None if waits else SCENARIOS / "notify.xml",
            hear=follow,
        )

    def endpoint(self) -> RtpEndpoint:
        """A place for sound."""
        return RtpEndpoint(self._host)


def place_call(phones: Phones) -> str:
    """Register both phones, call, leave a message; return the Call-ID that SIPp chose."""
    with phones.endpoint() as heard, phones.endpoint() as silent:
        heard.play(meter.tone(TONE, seconds=0.5))
        for user in (CALLED, CALLER):
            print(f"SIPp registers {user} …", flush=True)
            phones.run("register", user, silent).finish()
        bob = phones.run("ring", CALLED, silent, waits=True)
        print(f"{CALLER} calls {EXTENSION}; {CALLED}'s phone rings and nobody answers …", flush=True)
        alice = phones.run("call", CALLER, heard, dialled=EXTENSION, pause=TALK)
        alice.wait_received("SIP/2.0 180", ANSWER_LIMIT)
        alice.wait_received("SIP/2.0 200", ANSWER_LIMIT)
        print(f"The mailbox answers; after the greeting and the beep {CALLER} leaves a message …", flush=True)
        alice.finish(TALK + ANSWER_LIMIT)
        bob.finish()
        spoken = heard.heard()
        print(f"{CALLER} heard {spoken.seconds:.1f} s of sound and hung up.", flush=True)
        return alice.call_id


def explain(call_id: str) -> int:
    """Print what `ringplan call` says, once the call is in the log."""

    def asked() -> subprocess.CompletedProcess[str] | None:
        done = subprocess.run([str(RINGPLAN), "call", call_id], capture_output=True, text=True, check=False)
        return done if done.returncode == 0 else None

    print(f"\n$ ringplan call {call_id}")
    done = wait_for(asked, RECORD_LIMIT, "the call to be in the call log")
    print(done.stdout, end="")
    return 0 if "Recording:" in done.stdout else 1


def main() -> int:
    """Place the call and explain it; the exit code is 1 when no message was recorded."""
    demo = running_demo(load())
    with tempfile.TemporaryDirectory(prefix="ringplan-call-") as folder:
        call_id = place_call(Phones(demo, Path(folder)))
    return explain(call_id)


if __name__ == "__main__":
    sys.exit(main())
