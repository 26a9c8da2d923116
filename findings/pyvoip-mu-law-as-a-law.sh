#!/bin/bash
# pyVoIP takes A-law when it is offered first, says so in every packet, and sends mu-law in them.
#
# Package    pyVoIP 1.6.8 from PyPI
# Input      a call to it whose offer has A-law before mu-law ("8 0", as phones in Europe send it); it answers and speaks
#            one tone of 400 Hz
# One would guess   packets of payload type 8 with A-law in them, or of type 0 with mu-law
# Seen       payload type 8, and in it, byte by byte, what mu-law makes of the tone: the person hears noise. Its silence is
#            0xFF, which is silence in mu-law; in A-law it is +848 of 32,768. What it receives as type 8 it does read as
#            A-law. A listener that only looks whether packets of an agreed type come is content.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pyVoIP==1.6.8
cat > "$here/try.py" <<'PYTHON'
import math
import os
import re
import socket
import sys
import threading
import warnings

warnings.simplefilter("ignore")
import audioop

import pyVoIP
from pyVoIP.VoIP import VoIPPhone

print("pyVoIP", pyVoIP.__version__)
TONE = bytes(128 + round(100 * math.sin(2 * math.pi * 400 * n / 8000)) for n in range(160))
"""20 ms, unsigned, eight whole waves: every packet of it is the same."""


def bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


def field(message: str, name: str) -> str:
    return re.search(rf"^{name}: *(.*?)\r$", message, re.M | re.I)[1]


def speak(call) -> None:
    call.answer()
    call.write_audio(TONE * 50)


server, sound, spare = bound(), bound(), bound()
own = spare.getsockname()[1]
spare.close()
phone = VoIPPhone(
    "127.0.0.1", server.getsockname()[1], "callee", "none", myIP="127.0.0.1", sipPort=own,
    rtpPortLow=41200, rtpPortHigh=41300, callCallback=speak,
)
starting = threading.Thread(target=phone.start, daemon=True)
starting.start()
data, at = server.recvfrom(65536)
register = data.decode()
same = "".join(f"{name}: {field(register, name)}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
server.sendto(f"SIP/2.0 200 OK\r\n{same}Content-Length: 0\r\n\r\n".encode(), at)
starting.join()
offer = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    f"m=audio {sound.getsockname()[1]} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)
here = f"127.0.0.1:{server.getsockname()[1]}"
invite = (
    f"INVITE sip:callee@127.0.0.1:{own} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    f"From: <sip:caller@{here}>;tag=1\r\nTo: <sip:callee@127.0.0.1>\r\nCall-ID: 1@127.0.0.1\r\nCSeq: 1 INVITE\r\n"
    f"Contact: <sip:caller@{here}>\r\nContent-Type: application/sdp\r\nContent-Length: {len(offer)}\r\n\r\n{offer}"
)
server.sendto(invite.encode(), ("127.0.0.1", own))
answer = ""
while not answer.startswith("SIP/2.0 200"):
    answer = server.recv(65536).decode()
print("its answer:", re.search(r"m=audio.*", answer)[0].strip())
packets = [sound.recv(65536) for _ in range(30)]
signed = audioop.bias(TONE, 1, -128)
forms = {audioop.lin2ulaw(signed, 1): "mu-law of the tone", audioop.lin2alaw(signed, 1): "A-law of the tone",
         b"\xff" * 160: "0xFF, silence of mu-law", b"\xd5" * 160: "0xD5, silence of A-law"}
seen: dict[tuple[int, str], int] = {}
for packet in packets:
    what = (packet[1] & 0x7F, forms.get(packet[12:], "something else"))
    seen[what] = seen.get(what, 0) + 1
for (kind, form), count in seen.items():
    print(f"{count} packets of payload type {kind}: {form}")
print("0xFF read as A-law:", int.from_bytes(audioop.alaw2lin(b"\xff", 2), "little", signed=True))
as_found = (8, "mu-law of the tone") in seen and set(seen) <= {(8, "mu-law of the tone"), (8, "0xFF, silence of mu-law")}
print("as found" if as_found else "another behaviour than was found")
sys.stdout.flush()
os._exit(0 if as_found else 1)  # without ending the call and the registration
PYTHON
"$here/venv/bin/python" "$here/try.py"
