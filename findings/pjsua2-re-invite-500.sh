#!/bin/bash
# pjsua2 says "server error" to a re-INVITE whose codecs it does not have; to an INVITE it says 488, as all do.
#
# Package    pjsua2-python 2.15.1.post1 from PyPI
# Input      an offer of G.729 alone (static payload type 18), which the build does not have: in an INVITE, and in a
#            re-INVITE of a call that goes on in A-law
# One would guess   488 to both, and the call goes on as it was (RFC 3261 §14.2)
# Seen       488 to the INVITE, but 500 "SDP negotiation failed" to the re-INVITE, with a Warning 399 that names
#            PJMEDIA_SDPNEG_NOANSCODEC; the call does go on, and the next offer of A-law is taken. Whoever takes 5xx for a
#            phone in trouble (tries again later, ends the call, counts it as a fault) acts on what is a plain "no".
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pjsua2-python==2.15.1.post1
cat > "$here/try.py" <<'PYTHON'
import os
import re
import socket
import sys

import pjsua2 as pj

calls: list[pj.Call] = []


class Account(pj.Account):
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = pj.Call(self, prm.callId)
        calls.append(call)
        taken = pj.CallOpParam()
        taken.statusCode = 200
        call.answer(taken)


config = pj.EpConfig()
config.logConfig.level = config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 0
config.uaConfig.mainThreadOnly = True
endpoint = pj.Endpoint()
endpoint.libCreate()
endpoint.libInit(config)
transport = pj.TransportConfig()
transport.boundAddress = "127.0.0.1"
number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
endpoint.libStart()
endpoint.audDevManager().setNullDev()
print("pjsip", endpoint.libVersion().full)
account = Account()
account_config = pj.AccountConfig()
account_config.idUri = "sip:me@127.0.0.1"
account_config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
account.create(account_config, True)
port = int(endpoint.transportGetInfo(number).localAddress.rpartition(":")[2])
phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
phone.bind(("127.0.0.1", 0))
phone.setblocking(False)
sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sound.bind(("127.0.0.1", 0))
here = phone.getsockname()[1]


class Call:
    """From us to the library."""

    def __init__(self, name: str) -> None:
        self.name, self.sequence, self.to = name, 0, "<sip:me@127.0.0.1>"

    def send(self, method: str, branch: str, to: str, body: str = "") -> None:
        text = (
            f"{method} sip:me@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{here};branch=z9hG4bK{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:caller@127.0.0.1>;tag={self.name}\r\nTo: {to}\r\n"
            f"Call-ID: {self.name}@127.0.0.1\r\nCSeq: {self.sequence} {method}\r\nContact: <sip:caller@127.0.0.1:{here}>\r\n"
            + ("Content-Type: application/sdp\r\n" if body else "")
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        phone.sendto(text.encode(), ("127.0.0.1", port))

    def final(self, method: str) -> str:
        for _ in range(500):
            endpoint.libHandleEvents(10)
            try:
                text = phone.recv(65536).decode()
            except BlockingIOError:
                continue
            mine = f"Call-ID: {self.name}@" in text and f"CSeq: {self.sequence} {method}" in text
            if text.startswith("SIP/2.0 ") and mine and text[8] > "1":
                return text
        raise TimeoutError(f"no answer to {method}")

    def offer(self, payload: int) -> str:
        """The final answer to an INVITE, or re-INVITE, with one static payload type; ACKed."""
        self.sequence += 1
        sdp = (
            f"v=0\r\no=- 1 {self.sequence} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {sound.getsockname()[1]} RTP/AVP {payload}\r\n"
        )
        branch = f"{self.name}x{self.sequence}"
        self.send("INVITE", branch, self.to, sdp)
        answer = self.final("INVITE")
        taken = answer.startswith("SIP/2.0 200")
        to = re.search(r"^To: *(.*?)\r$", answer, re.M)[1]
        self.send("ACK", branch + "ack" if taken else branch, to)
        if taken:
            self.to = to
        return answer

    def end(self) -> None:
        self.sequence += 1
        self.send("BYE", f"{self.name}bye", self.to)
        self.final("BYE")


refused = Call("refused").offer(18)
going = Call("going")
first, later, after = going.offer(8), going.offer(18), going.offer(8)
going.end()
seen = {"INVITE, G.729": refused, "INVITE, A-law": first, "re-INVITE, G.729": later, "re-INVITE, A-law": after}
for what, answer in seen.items():
    warning = re.search(r"^Warning: .*?(\".*\")", answer, re.M)
    print(f"{what}: {answer.splitlines()[0][8:]}", warning[1] if warning else "")
as_found = [answer[8:11] for answer in seen.values()] == ["488", "200", "500", "200"]
print("as found" if as_found else "another behaviour than was found")
sys.stdout.flush()
os._exit(0 if as_found else 1)  # without taking the library down
PYTHON
"$here/venv/bin/python" "$here/try.py"
