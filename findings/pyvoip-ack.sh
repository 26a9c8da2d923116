#!/bin/bash
# pyVoIP's ACK to a 200 belongs to no dialog: a To tag that nobody gave it, and the branch of the INVITE.
#
# Package    pyVoIP 1.6.8 from PyPI
# Input      a phone that registers (200 at once) and calls; the other side answers 100, 180 and 200, with a To tag and SDP
# One would guess   ACK with the To tag of the 200 (RFC 3261 §12.2.1.1, §13.2.2.4), in a transaction of its own: a branch
#            that the INVITE did not have (§17.1.1.3 keeps the INVITE's for answers from 300)
# Seen       the ACK has a random To tag, new each time, and the INVITE's branch; sent once more, the 200 gets an ACK with yet
#            another tag. The From tag is right. The call works, for the program has what it needs and sends sound at once;
#            but who matches dialogs by their tags never sees its 200 acknowledged, repeats it for 64*T1 and then ends
#            a call in which two people are talking. Whoever goes by Call-ID and CSeq alone sees nothing of it.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pyVoIP==1.6.8
cat > "$here/try.py" <<'PYTHON'
import os
import re
import socket
import sys
import threading
import warnings

warnings.simplefilter("ignore")
import pyVoIP
from pyVoIP.VoIP import VoIPPhone

print("pyVoIP", pyVoIP.__version__)
GIVEN = "the-tag-of-the-answer"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)


def bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


def field(message: str, name: str) -> str:
    return re.search(rf"^{name}: *(.*?)\r$", message, re.M | re.I)[1]


def tag(value: str) -> str:
    return re.search(r";tag=([^;\s]+)", value)[1]


def branch(message: str) -> str:
    return re.search(r"branch=([^;\s]+)", field(message, "Via"))[1]


server, sound, spare = bound(), bound(), bound()
own = spare.getsockname()[1]
spare.close()


def answer(request: str, to: tuple[str, int], line: str, with_tag: bool = True, body: str = "") -> None:
    head = [f"SIP/2.0 {line}"]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        value = field(request, name)
        head.append(f"{name}: {value}" + (f";tag={GIVEN}" if name == "To" and with_tag else ""))
    head.append(f"Contact: <sip:callee@127.0.0.1:{server.getsockname()[1]}>")
    head += ["Content-Type: application/sdp"] if body else []
    head.append(f"Content-Length: {len(body)}")
    server.sendto(("\r\n".join(head) + "\r\n\r\n" + body).encode(), to)


def receive(method: str) -> tuple[str, tuple[str, int]]:
    while True:
        data, source = server.recvfrom(65536)
        if data.startswith(method.encode()):
            return data.decode(), source


phone = VoIPPhone(
    "127.0.0.1", server.getsockname()[1], "caller", "none", myIP="127.0.0.1", sipPort=own, rtpPortLow=41000, rtpPortHigh=41100
)
starting = threading.Thread(target=phone.start, daemon=True)
starting.start()
answer(*receive("REGISTER"), "200 OK")
starting.join()
calling = threading.Thread(target=phone.call, args=("callee",), daemon=True)
calling.start()
invite, caller = receive("INVITE")
answer(invite, caller, "100 Trying", with_tag=False)
answer(invite, caller, "180 Ringing")
acks = []
for _ in range(2):
    answer(invite, caller, "200 OK", body=SDP.format(port=sound.getsockname()[1]))
    acks.append(receive("ACK")[0])
print(f"INVITE: From tag {tag(field(invite, 'From'))}, branch {branch(invite)}")
print(f"200:    To tag {GIVEN}")
for ack in acks:
    print(f"ACK:    From tag {tag(field(ack, 'From'))}, To tag {tag(field(ack, 'To'))}, branch {branch(ack)}")
heard = len(sound.recv(65536)) > 12
print("the caller sends sound:", heard)
as_found = (
    heard
    and all(tag(field(ack, "To")) != GIVEN and branch(ack) == branch(invite) for ack in acks)
    and all(tag(field(ack, "From")) == tag(field(invite, "From")) for ack in acks)
    and tag(field(acks[0], "To")) != tag(field(acks[1], "To"))
)
print("as found" if as_found else "another behaviour than was found")
sys.stdout.flush()
os._exit(0 if as_found else 1)  # without ending the call and the registration
PYTHON
"$here/venv/bin/python" "$here/try.py"
