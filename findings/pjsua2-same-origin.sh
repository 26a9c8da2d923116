#!/bin/bash
# pjsua2: the o= lines of two calls that it takes in one second are the same, to the last digit.
#
# Package    pjsua2-python 2.15.1.post1 from PyPI
# Input      two calls to it at the same time, one offering mu-law, the other A-law; both are answered
# One would guess   the origin tells sessions apart: user, id and address make it unique (RFC 8866 §5.2), and the same version
#            means the same description
# Seen       the id is the clock's second (NTP's count) and nothing else goes into it; the version is the next number. Both
#            answers have one o= line, id, version and address, but other codecs and ports. Whoever knows an
#            SDP again by its origin (a cache, "the version is unchanged, so nothing to do", a log that joins legs) takes
#            one call for the other, whenever a phone is rung twice within a second.
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



def origin(answer: str) -> str:
    return re.search(r"^o=.*", answer, re.M)[0].strip()


def stream(answer: str) -> str:
    return re.search(r"^m=.*", answer, re.M)[0].strip()


as_found = False
for attempt in range(5):  # the second may end between the two
    one, two = Call(f"one{attempt}"), Call(f"two{attempt}")
    answers = one.offer(0), two.offer(8)
    one.end()
    two.end()
    if origin(answers[0]) == origin(answers[1]):
        as_found = stream(answers[0]) != stream(answers[1])
        break
for answer in answers:
    print(origin(answer), "|", stream(answer))
print("as found" if as_found else "another behaviour than was found")
sys.stdout.flush()
os._exit(0 if as_found else 1)  # without taking the library down
PYTHON
"$here/venv/bin/python" "$here/try.py"
