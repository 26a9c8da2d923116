#!/bin/bash
# baresip looks at the first stream of a kind only: a live one behind a disabled one is not for it.
#
# Package    Debian 12's baresip-core 1.0.0-4+b3 (must be installed)
# Input      an SDP offer of two audio streams, of which the first has port 0 (not in use any more, RFC 3264 §8.2: its line has
#            to stay) and the second is G.711 A-law, which baresip has; once in an INVITE, once in a re-INVITE
# One would guess   it answers port 0 for the first, and takes the second (or says 488 to both requests and, after the
#            re-INVITE, goes on as before: RFC 3261 §14.2)
# Seen       488 to the INVITE. To the re-INVITE 200 OK with port 0 for both, so the call is on and there is no sound. A
#            re-INVITE with no codec that it has is answered in the same way, 200 with port 0, where the INVITE gets 488.
#            An INVITE with a disabled video stream in front of the audio is taken as one would guess. So a 200 to a
#            re-INVITE is no sign that there is sound: the answer's port is.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
command -v baresip >/dev/null || { echo "needs Debian 12's baresip-core"; exit 2; }
dpkg-query -W baresip-core
cat > "$here/try.py" <<'PYTHON'
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
audio_player aubridge,dummy
audio_source aubridge,dummy
audio_alert none,none
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp account.so
module_app menu.so
"""
LIVE, OFF = "m=audio 40000 RTP/AVP 8", "m=audio 0 RTP/AVP 8"
OFFERS = {
    "live audio": [LIVE],
    "disabled audio, live audio": [OFF, LIVE],
    "disabled video, live audio": ["m=video 0 RTP/AVP 34", LIVE],
    "audio of G.729 only": ["m=audio 40000 RTP/AVP 18"],
}


def bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(1)
    return made


caller, spare = bound(), bound()
own = spare.getsockname()[1]
spare.close()
here = f"127.0.0.1:{caller.getsockname()[1]}"
folder = Path(sys.argv[1])
(folder / "config").write_text(CONFIG.format(port=own))
(folder / "contacts").write_text("")
(folder / "accounts").write_text(
    f"<sip:callee@{here};transport=udp>;regint=0;audio_codecs=pcma,pcmu;answermode=auto\n"
)


class Call:
    def __init__(self, number: int) -> None:
        self.number, self.sequence, self.to = number, 0, "<sip:callee@127.0.0.1>"

    def send(self, method: str, branch: str, body: str = "") -> None:
        text = (
            f"{method} sip:callee@127.0.0.1:{own} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:caller@127.0.0.1>;tag=1\r\nTo: {self.to}\r\nCall-ID: {self.number}@127.0.0.1\r\n"
            f"CSeq: {self.sequence} {method}\r\nContact: <sip:caller@{here}>\r\n"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        caller.sendto(text.encode(), ("127.0.0.1", own))

    def final(self, method: str, branch: str, body: str = "") -> str:
        """Send it, once more each second until something comes, and return the final answer."""
        until = time.monotonic() + 15
        while time.monotonic() < until:
            self.send(method, branch, body)
            try:
                while True:
                    text = caller.recv(65536).decode()
                    mine = f"Call-ID: {self.number}@" in text and f"CSeq: {self.sequence} {method}" in text
                    if text.startswith("SIP/2.0 ") and mine and text[8] > "1":
                        return text
            except TimeoutError:
                continue
        raise TimeoutError(f"no answer to {method}")

    def offer(self, streams: list[str]) -> str:
        """The status, and the ports of the answer."""
        self.sequence += 1
        head = ["v=0", f"o=- 1 {self.sequence} IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        branch = f"{self.number}x{self.sequence}"
        answer = self.final("INVITE", branch, "".join(f"{line}\r\n" for line in head + streams))
        status = answer[8:11]
        tagged = re.search(r"^To: *(.*?)\r$", answer, re.M)[1]
        before, self.to = self.to, tagged
        self.send("ACK", branch + "ack" if status == "200" else branch)
        if status != "200":
            self.to = before
        ports = [kind + (" off" if port == "0" else " on") for kind, port in re.findall(r"m=(\w+) (\d+)", answer)]
        return " ".join([status, *([f"({', '.join(ports)})"] if ports else [])])

    def end(self) -> None:
        self.sequence += 1
        self.final("BYE", f"{self.number}bye")


def seen() -> dict[str, tuple[str, str]]:
    found = {}
    for number, (name, streams) in enumerate(OFFERS.items()):
        first, later = Call(2 * number), Call(2 * number + 1)
        invited = first.offer(streams)
        if invited.startswith("200"):
            first.end()
        invited_again = "not tried"
        if "video" not in name:  # the first line of a call stays what it was (RFC 3264 §8)
            assert later.offer([LIVE]) == "200 (audio on)"
            invited_again = later.offer(streams)
            later.end()
        found[name] = invited, invited_again
        print(f"{name}: INVITE {invited}, re-INVITE {invited_again}")
    return found


phone = subprocess.Popen(
    ["baresip", "-f", str(folder)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
)
try:
    found = seen()
finally:
    phone.kill()
    phone.wait()
assert found == {
    "live audio": ("200 (audio on)", "200 (audio on)"),
    "disabled audio, live audio": ("488", "200 (audio off, audio off)"),
    "disabled video, live audio": ("200 (video off, audio on)", "not tried"),
    "audio of G.729 only": ("488", "200 (audio off)"),
}, "another behaviour than was found"
print("as found")
PYTHON
python3 "$here/try.py" "$here"
